"""Does an archive hold what its metadata declares? Asked of uploads only: what is imported was published long ago."""

import re
from collections.abc import Iterable, Iterator

from recoverydesk.projects.archives.distribution import WHEEL, Contents
from recoverydesk.projects.archives.limits import InvalidArchive

WITHOUT_LICENSE_FILES = {"1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3"}  # PEP 639 came with metadata version 2.4
MOST_ENTRY_POINTS = 2**19  # bytes
SCRIPTS = ("console_scripts", "gui_scripts")
# The packaging specification "Entry points"; a script's name becomes a file's name on other people's machines.
GROUP = re.compile(r"[\w.-]+")
SCRIPT_NAME = re.compile(r"\w[\w.-]{0,199}", re.ASCII)
EXTRAS = r"(?:\[[\w., -]*\])?"
REFERENCE = re.compile(rf"[\w.]+(?: *: *[\w.]+)? *{EXTRAS}")
FUNCTION = re.compile(rf"[\w.]+ *: *[\w.]+ *{EXTRAS}")
OTHER_LINE_ENDS = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def check_declared(contents: Contents, license_files: Iterable[str] = ()) -> None:
    """Check licence files, those the upload's form names among them, and entry points. Raises InvalidArchive."""
    own = contents.raw.get("license_files", [])
    old = contents.raw.get("metadata_version", "") in WITHOUT_LICENSE_FILES
    _check_license_files(contents, [*license_files, *([] if old else own)])
    if contents.entry_points is not None:
        _check_entry_points(contents.entry_points)


def _check_license_files(contents: Contents, promised: Iterable[str]) -> None:
    is_wheel = contents.distribution.packagetype == WHEEL
    folder = f"{contents.folder}/licenses" if is_wheel else contents.folder
    for name in promised:
        if f"{folder}/{name}" not in contents.files:
            raise InvalidArchive(f"License-File {name!r} is not in it: there is no {folder}/{name}")


def _check_entry_points(data: bytes) -> None:
    """Read entry_points.txt so strictly that no two installers can see two different scripts in it."""
    if len(data) > MOST_ENTRY_POINTS:
        raise InvalidArchive("its entry_points.txt is larger than 512 KiB")
    group = ""
    seen: set[tuple[str, ...]] = set()
    for line in _lines(data):
        if line.startswith("["):
            group = line[1:-1] if line.endswith("]") else ""
            what: tuple[str, ...] = (group,)
            if not GROUP.fullmatch(group):
                raise InvalidArchive(f"its entry_points.txt has a group {line[:100]!r}, which is no name")
        else:
            name, equals, reference = (part.strip() for part in line.partition("="))
            what = (group, name)
            if not (group and equals and name):
                raise InvalidArchive(f"its entry_points.txt cannot be read at {line[:100]!r}")
            _check_entry_point(group, name, reference)
        if what in seen:
            raise InvalidArchive(f"its entry_points.txt says {line[:100]!r} twice")
        seen.add(what)


def _lines(data: bytes) -> Iterator[str]:
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidArchive("its entry_points.txt is not in UTF-8") from error
    if OTHER_LINE_ENDS.search(text):
        raise InvalidArchive("its entry_points.txt has line ends that some programs do not see")
    for line in text.split("\n"):
        if line.strip() and (line[0].isspace() or line.startswith(";")):
            raise InvalidArchive(f"its entry_points.txt has a line that programs read in two ways: {line[:100]!r}")
        if line.strip() and not line.startswith("#"):
            yield line.rstrip()


def _check_entry_point(group: str, name: str, reference: str) -> None:
    is_script = group in SCRIPTS
    if is_script and not SCRIPT_NAME.fullmatch(name):
        raise InvalidArchive(f"its script {name[:100]!r} has a name that is no plain file name")
    if not (FUNCTION if is_script else REFERENCE).fullmatch(reference):
        raise InvalidArchive(f"its entry point {name[:100]!r} in {group} names no object")
