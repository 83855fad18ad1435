"""What a file may be called: as its form says, in one spelling, and not as another file of its release in disguise."""

from collections.abc import Collection

from django.conf import settings
from packaging.utils import canonicalize_name

from recoverydesk.projects.archives import distribution, file_names
from recoverydesk.projects.archives.distribution import SDIST, WHEEL, Distribution
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.upload.answers import UploadRefused
from recoverydesk.upload.form import Form


def check_name(form: Form, filename: str) -> Distribution:
    """The file's name must say what the form says, in the one right way. Raises UploadRefused."""
    suffix = next((suffix for suffix, kind in distribution.SUFFIXES.items() if kind == form.filetype), "")
    if not filename.endswith(suffix):
        raise UploadRefused(400, "Invalid file extension: Use .tar.gz or .whl extension.")
    start = file_names.stem(form.name, form.version)
    if form.filetype == SDIST:
        _check_is(filename, f"{start}.tar.gz")
    try:
        named = distribution.parse(filename)
        if (named.name, named.version) != (canonicalize_name(form.name), form.version):
            raise UploadRefused(400, f"Filename {filename!r} is invalid, should be '{start}-...'.")
        if named.packagetype == WHEEL:
            _check_wheel(named)
    except InvalidArchive as error:
        raise UploadRefused(400, f"Invalid distribution file. {error}") from error
    return named


def _check_is(filename: str, right: str) -> None:
    if filename != right:
        raise UploadRefused(400, f"Filename {filename!r} is invalid, should be {right!r}.")


def _check_wheel(named: Distribution) -> None:
    _check_is(named.filename, file_names.right_wheel(named.name, named.version, named.filename))
    platform = file_names.wheel(named.filename).plain_linux
    if platform and not settings.UPLOAD_PLAIN_LINUX_WHEELS:
        raise UploadRefused(
            400,
            f"Binary wheel {named.filename!r} has an unsupported platform tag {platform!r}, which says for which "
            "machine it was built, not where it runs. Build a manylinux or musllinux wheel; or, in a private registry, "
            "have its operator set UPLOAD_PLAIN_LINUX_WHEELS=true.",
        )


def check_spelling(named: Distribution, others: Collection[str]) -> None:
    """A release writes its version in one way, and has each wheel once, whatever it is called. Raises UploadRefused."""
    versions = {version for version in map(file_names.version_text, others) if version}
    if versions and str(named.version) not in versions:
        right = file_names.stem(named.name, named.version).removesuffix(str(named.version)) + min(versions)
        raise UploadRefused(
            400, f"Filename {named.filename!r} is invalid: the files of this release begin with '{right}...'."
        )
    if named.packagetype == WHEEL:
        _check_is_new(named.filename, others)


def _check_is_new(filename: str, others: Collection[str]) -> None:
    ours = file_names.wheel(filename)
    for other, theirs in file_names.wheels(others).items():
        if (ours.build, ours.tags) == (theirs.build, theirs.tags):
            raise UploadRefused(400, f"Filename {filename!r} is invalid: it is another spelling of {other!r}.")


def replaced(filename: str, others: Collection[str]) -> list[str]:
    """Return the wheels that installers leave for this one because of its build tag, by name."""
    ours = file_names.wheels([filename]).get(filename)
    if ours is None or not ours.build:
        return []
    known = file_names.wheels(others)
    return sorted(name for name, other in known.items() if other.build < ours.build and ours.fits_where(other))
