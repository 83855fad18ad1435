"""The one right way to write a file's name, so that no second spelling replaces what the first one installed.

Packaging specifications "Binary distribution format" and "Source distribution file names" (PEP 427, PEP 625).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from recoverydesk.projects.archives.limits import InvalidArchive

LONGEST = 255 - len(".metadata")  # bytes: what a file system takes, less what PEP 658 puts behind a wheel's name
MOST_TAGS = 1_000
LINUX = "linux_"  # before an architecture: built for one machine, and for nobody else's
OF_NO_MANYLINUX = {"linux_armv6l", "linux_armv7l"}  # taken, as PyPI does: there is no better tag for them


@dataclass(frozen=True)
class WheelName:
    """A wheel's name in parts. Two names with equal `build` and `tags` are the same wheel to every installer.

    `build` is () or the number and the letters of a build tag; `tags` are the sets for Python, ABI and platform.
    """

    version: str
    build: tuple[()] | tuple[int, str]
    tags: tuple[frozenset[str], frozenset[str], frozenset[str]]

    @property
    def plain_linux(self) -> str:
        """The first platform that is Linux as one machine has it; "" where there is none."""
        plain = (tag for tag in self.tags[2] if tag.startswith(LINUX) and tag not in OF_NO_MANYLINUX)
        return min(plain, default="")

    def fits_where(self, other: "WheelName") -> bool:
        """True when some system takes both."""
        return all(ours & theirs for ours, theirs in zip(self.tags, other.tags, strict=True))


def stem(name: str, version: Version) -> str:
    """Return how the name of every file of this version begins."""
    return f"{canonicalize_name(name).replace('-', '_')}-{version}"


def right_wheel(name: str, version: Version, filename: str) -> str:
    """Return the right spelling of a wheel's file name, which has the parts of one."""
    _name, _version, rest = filename.split("-", 2)
    return f"{stem(name, version)}-{rest.lower()}"


def check_length(filename: str) -> None:
    """Refuse a name that cannot be stored with what is written beside it. Raises InvalidArchive."""
    if len(filename.encode("utf-8", "surrogatepass")) > LONGEST:
        raise InvalidArchive(f"its name is longer than {LONGEST} bytes")


def check_tags(filename: str) -> None:
    """Refuse a wheel whose name means more tags than anybody wants to compare. Raises InvalidArchive."""
    number = 1
    for part in filename.removesuffix(".whl").rsplit("-", 3)[1:]:
        number *= part.count(".") + 1
    if number > MOST_TAGS:
        raise InvalidArchive(f"its name has more than {MOST_TAGS} tags")


def wheel(filename: str) -> WheelName:
    """Read the parts of a wheel's name, which has them."""
    _name, version, *builds, python, abi, platform = filename.lower().removesuffix(".whl").split("-")
    sets = tuple(frozenset(part.split(".")) for part in (python, abi, platform))
    return WheelName(version, _build(builds[0]) if builds else (), (sets[0], sets[1], sets[2]))


def _build(text: str) -> tuple[int, str]:
    letters = text.lstrip("0123456789")
    return int(text.removesuffix(letters) or "0"), letters


def version_text(filename: str) -> str:
    """Return the version as a file's name writes it, in its normal form; "" where the name has none we know."""
    parts = filename.removesuffix(".tar.gz").rsplit("-", 1) if filename.endswith(".tar.gz") else filename.split("-")
    try:
        return str(Version(parts[1])) if len(parts) > 1 else ""
    except InvalidVersion:
        return ""


def wheels(filenames: Iterable[str]) -> dict[str, WheelName]:
    """Read those names that are wheels' and have their parts."""
    return {one: wheel(one) for one in filenames if one.endswith(".whl") and one.count("-") in (4, 5)}
