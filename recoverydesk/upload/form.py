"""Reads the form every uploader sends: which fields there are, which may come once, and what they mean.

The names are those of PyPI's endpoint; `import_names` and `import_namespaces` are uv's spelling of two of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.http import QueryDict
from packaging.metadata import RawMetadata
from packaging.version import Version

from recoverydesk.projects.archives import declared, metadata
from recoverydesk.projects.archives.distribution import SDIST, WHEEL
from recoverydesk.upload.answers import UploadRefused

ONCE = {
    name: name
    for name in (
        "metadata_version", "name", "version", "summary", "description", "description_content_type", "author",
        "author_email", "maintainer", "maintainer_email", "license", "license_expression", "keywords", "home_page",
        "download_url", "requires_python",
    )
}  # fmt: skip
SEVERAL = {
    "classifiers": "classifiers",
    "platform": "platforms",
    "supported_platform": "supported_platforms",
    "requires": "requires",
    "provides": "provides",
    "obsoletes": "obsoletes",
    "requires_dist": "requires_dist",
    "provides_dist": "provides_dist",
    "obsoletes_dist": "obsoletes_dist",
    "requires_external": "requires_external",
    "project_urls": "project_urls",
    "provides_extra": "provides_extra",
    "dynamic": "dynamic",
    "license_file": "license_files",
    "license_files": "license_files",
    "import_name": "import_names",
    "import_names": "import_names",
    "import_namespace": "import_namespaces",
    "import_namespaces": "import_namespaces",
}
OURS = (":action", "protocol_version", "filetype", "pyversion", "md5_digest", "sha256_digest", "blake2_256_digest")
MAY_BE_FILES = {"content", "gpg_signature", "attestations"}
DIGESTS = {"md5_digest": ("md5", 32), "sha256_digest": ("sha256", 64), "blake2_256_digest": ("blake2_256", 64)}
LONG, LONGEST_VALUE = {"description", "license"}, 2**14  # some of the others cost time that grows with their square
HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True)
class Form:
    """A form that makes sense. `digests` maps a kind of digest to lower-case hexadecimal; at least one is there."""

    name: str
    version: Version
    filetype: str
    digests: dict[str, str]
    raw: RawMetadata


def read_form(post: QueryDict, file_fields: Iterable[str]) -> Form:
    """Read the form. Raises UploadRefused (400) with the first thing that is wrong, as PyPI words it."""
    for name in sorted(set(file_fields) - MAY_BE_FILES):
        if name in ONCE or name in SEVERAL or name in OURS:
            raise UploadRefused(400, f"{name}: Should not be a tuple.")
    if (_only(post, "protocol_version") or "1") != "1":
        raise UploadRefused(400, "Unknown protocol version.")
    raw = _metadata(post)
    if problem := metadata.problem(raw):
        raise UploadRefused(400, problem)
    filetype = _only(post, "filetype")
    _check_python(filetype, _only(post, "pyversion"))
    return Form(raw["name"], Version(raw["version"]), filetype, _digests(post), raw)


def _check_python(filetype: str, pyversion: str) -> None:
    if filetype not in (SDIST, WHEEL):
        raise UploadRefused(400, "Use a known file type.")
    if filetype == SDIST and pyversion not in ("", "source"):
        raise UploadRefused(400, "Use 'source' as Python version for an sdist.")
    if filetype == WHEEL and not pyversion:
        raise UploadRefused(400, "Python version is required for binary distribution uploads.")


def _digests(post: QueryDict) -> dict[str, str]:
    found = {}
    for field, (kind, length) in DIGESTS.items():
        if value := _only(post, field):
            if len(value) != length or not HEXADECIMAL.fullmatch(value):
                raise UploadRefused(400, f"{field}: Use a valid, hex-encoded, {kind} message digest.")
            found[kind] = value.lower()
    if not found:
        raise UploadRefused(400, "Include at least one message digest.")
    return found


def _metadata(post: QueryDict) -> RawMetadata:
    """Put the fields that carry core metadata under the names `packaging` gives them."""
    raw: dict[str, Any] = {}
    for field, key in ONCE.items():
        if value := _only(post, field):
            raw[key] = value
    for field, key in SEVERAL.items():
        if values := _values(post, field):
            raw[key] = [*raw.get(key, []), *values]
    if "keywords" in raw:
        raw["keywords"] = [word.strip() for word in raw["keywords"].split(",")]
    if raw.get("metadata_version") in declared.WITHOUT_LICENSE_FILES:
        raw.pop("license_files", None)  # setuptools writes them all the same, and uv sends what it finds
    if "project_urls" in raw:
        raw["project_urls"] = _links(raw["project_urls"])
    return cast(RawMetadata, raw)


def _links(values: list[str]) -> dict[str, str]:
    """Read `Label, URL` pairs."""
    found: dict[str, str] = {}
    for value in values:
        label, comma, url = (part.strip() for part in value.partition(","))
        if not (label and comma and url):
            raise UploadRefused(400, "project-urls: Use both a label and an URL.")
        if label in found:
            raise UploadRefused(400, f"project-urls: the label {label!r} appears twice")
        found[label] = url
    return found


def _only(post: QueryDict, field: str) -> str:
    """Return the value of a field that may come once; "" where it does not."""
    values = _values(post, field)
    if len(values) > 1:
        raise UploadRefused(400, f"{field.replace('_', '-')}: has invalid data")
    return values[0] if values else ""


def _values(post: QueryDict, field: str) -> list[str]:
    """Return a field's values without those that say nothing; a NUL becomes the four characters that name it."""
    values = [str(value).replace("\x00", "\\x00") for value in post.getlist(field)]
    if field not in LONG and any(len(value) > LONGEST_VALUE for value in values):
        raise UploadRefused(400, f"{field.replace('_', '-')}: is longer than {LONGEST_VALUE} characters")
    return [value for value in values if value.strip() and value.strip() != "UNKNOWN"]
