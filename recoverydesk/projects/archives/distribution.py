"""One wheel or sdist: what its name says, whether its bytes agree, and what it tells about itself."""

import hashlib
from dataclasses import dataclass
from typing import IO

from packaging.metadata import RawMetadata
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from recoverydesk.projects.archives import file_names, metadata, tars, zips
from recoverydesk.projects.archives.limits import InvalidArchive, Listing

SDIST, WHEEL = "sdist", "bdist_wheel"
SUFFIXES = {".whl": WHEEL, ".tar.gz": SDIST}
IN_DIST_INFO = ("METADATA", "RECORD", "WHEEL")
READ_IN_DIST_INFO = (".dist-info/METADATA", ".dist-info/entry_points.txt")


@dataclass(frozen=True)
class Distribution:
    """What a file name says."""

    filename: str
    packagetype: str
    name: NormalizedName
    version: Version


@dataclass(frozen=True)
class Contents:
    """What an archive holds: its metadata as read (`unread`: the fields that cannot be), the names of its files, and of
    a wheel two files whole.

    `folder` is the one that describes the archive: a wheel's .dist-info, an sdist's only folder.
    """

    distribution: Distribution
    raw: RawMetadata
    unread: frozenset[str]
    files: frozenset[str]
    folder: str
    metadata: bytes = b""
    entry_points: bytes | None = None

    @property
    def metadata_sha256(self) -> str:
        """Of a wheel's METADATA (PEP 658), in hexadecimal; empty for an sdist."""
        return hashlib.sha256(self.metadata).hexdigest() if self.metadata else ""


def parse(filename: str) -> Distribution:
    """Read a file name (PEP 427 for wheels, PEP 625 for sdists). Raises InvalidArchive."""
    file_names.check_length(filename)
    try:
        if filename.endswith(".whl"):
            file_names.check_tags(filename)
            name, version, _build, _tags = parse_wheel_filename(filename)
            return Distribution(filename, WHEEL, name, version)
        if filename.endswith(".tar.gz"):
            name, version = parse_sdist_filename(filename)
            return Distribution(filename, SDIST, name, version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise InvalidArchive(str(error)) from error
    raise InvalidArchive(f"{filename!r} is neither a wheel (.whl) nor a source distribution (.tar.gz)")


def inspect(file: IO[bytes], size: int, distribution: Distribution) -> Contents:
    """Read the whole archive of `size` bytes and return what is in it. Raises InvalidArchive.

    Memory stays the same whatever the size; time grows with the expanded size, which is bounded.
    """
    reader = _wheel if distribution.packagetype == WHEEL else _sdist
    contents = reader(file, size, distribution)
    if not metadata.same(contents.raw, distribution.name, distribution.version):
        raise InvalidArchive("its metadata is about another project or version")
    return contents


def _wheel(file: IO[bytes], size: int, distribution: Distribution) -> Contents:
    listing = zips.read_zip(file, size, lambda name: name.count("/") == 1 and name.endswith(READ_IN_DIST_INFO))
    tops = {name.partition("/")[0] for name in listing.files}
    folders = [top for top in tops if top.endswith(".dist-info")]
    if len(folders) != 1 or not _is_for(folders[0].removesuffix(".dist-info"), distribution):
        raise InvalidArchive("it must have one .dist-info folder, of this name and version")
    folder = folders[0]
    if missing := [name for name in IN_DIST_INFO if f"{folder}/{name}" not in listing.files]:
        raise InvalidArchive(f"{folder}/{missing[0]} is missing")
    data = _kept(listing, f"{folder}/METADATA")
    entry_points = listing.kept.get(f"{folder}/entry_points.txt")
    return Contents(distribution, *metadata.read_metadata(data), frozenset(listing.files), folder, data, entry_points)


def _is_for(text: str, distribution: Distribution) -> bool:
    name, hyphen, version = text.rpartition("-")
    try:
        return bool(hyphen) and (canonicalize_name(name), Version(version)) == (distribution.name, distribution.version)
    except InvalidVersion:
        return False


def _sdist(file: IO[bytes], size: int, distribution: Distribution) -> Contents:
    top = distribution.filename.removesuffix(".tar.gz")
    listing = tars.read_tar(file, size, lambda name: name == f"{top}/PKG-INFO")
    if {name.partition("/")[0] for name in listing.files | listing.folders} != {top}:
        raise InvalidArchive(f"it must have one folder, {top!r}, and everything in it")
    described = metadata.read_metadata(_kept(listing, f"{top}/PKG-INFO"))
    return Contents(distribution, *described, frozenset(listing.files), top)


def _kept(listing: Listing, name: str) -> bytes:
    if name not in listing.kept:
        raise InvalidArchive(f"{name} is missing")
    return listing.kept[name]
