"""Does the form say what the file says? The file decides what is kept; a form that contradicts it is refused.

What the form leaves out is no contradiction. Compared is what a field means, not how it is written: whitespace, the
order of lists, and the spelling of names, extras, versions and requirements count for nothing.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from packaging.metadata import RawMetadata
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from recoverydesk.projects.labels import ABSENT
from recoverydesk.upload.answers import UploadRefused

SHOWN = 80  # letters of each side
Meaning = Callable[[Any], Hashable]


def check_agreement(form: RawMetadata, file: RawMetadata) -> None:
    """Raise UploadRefused (400) with the first field in which form and file differ, in the order of MEANINGS."""
    theirs = _licensed(file)
    for key, meaning in MEANINGS.items():
        if key in form and meaning(form[key]) != meaning(theirs.get(key, "")):  # type: ignore[literal-required]
            field = key.replace("_", "-")
            told, found = _shown(form[key]), _shown(theirs.get(key))  # type: ignore[literal-required]
            raise UploadRefused(400, f"{field}: the form says {told}, the metadata in the file says {found}.")


def _licensed(file: RawMetadata) -> Mapping[str, Any]:
    """Let one sort of licence field answer for the other: tools of different age write the same licence in both."""
    either = file.get("license") or file.get("license_expression")
    return {**({"license": either, "license_expression": either} if either else {}), **file}


def _shown(value: Any) -> str:
    if not value:
        return "nothing"
    several = value.items() if isinstance(value, dict) else value
    text = value if isinstance(value, str) else ", ".join(map(str, several))
    return f"'{text}'" if len(text) <= SHOWN else f"'{text[:SHOWN]}...'"


def _text(value: str) -> str:
    """The words, without those that old tools write where there is nothing."""
    words = " ".join(value.split())
    return "" if words in ABSENT else words


def _parameters(value: str) -> frozenset[str]:
    """A content type's parts."""
    return frozenset(part.strip().lower() for part in value.split(";")) - {""}


def _keywords(value: list[str] | str) -> frozenset[str]:
    return frozenset(re.split(r"[,\s]+", value if isinstance(value, str) else ",".join(value))) - {""}


def _several(one: Callable[[str], Hashable]) -> Meaning:
    """A list whose order says nothing."""
    return lambda values: frozenset(one(value) for value in values if _text(value))


def _name(value: str) -> str:
    return canonicalize_name(value.strip())


def _version(value: str) -> Hashable:
    try:
        return Version(value)
    except ValueError:
        return value


def _versions(value: str) -> Hashable:
    try:
        return SpecifierSet(_text(value))
    except InvalidSpecifier:
        return value


def _requirement(value: str) -> Hashable:
    try:
        return Requirement(value)
    except (InvalidRequirement, RecursionError):
        return _text(value)


def _links(value: Mapping[str, str] | str) -> frozenset[tuple[str, str]]:
    pairs = {} if isinstance(value, str) else value
    return frozenset((_text(label), _text(url)) for label, url in pairs.items() if _text(url))


MEANINGS: dict[str, Meaning] = {
    "name": _name,
    "version": _version,
    "requires_python": _versions,
    "home_page": _text,
    "download_url": _text,
    "project_urls": _links,
    "summary": _text,
    "description": _text,
    "description_content_type": _parameters,
    "author": _text,
    "author_email": _text,
    "maintainer": _text,
    "maintainer_email": _text,
    "license": _text,
    "license_expression": _text,
    "license_files": _several(_text),
    "keywords": _keywords,
    "classifiers": _several(_text),
    "platforms": _several(_text),
    "supported_platforms": _several(_text),
    "requires_dist": _several(_requirement),
    "provides_dist": _several(_text),
    "obsoletes_dist": _several(_text),
    "requires_external": _several(_text),
    "provides_extra": _several(_name),
    "dynamic": _several(lambda value: _text(value).lower()),
    "import_names": _several(_text),
    "import_namespaces": _several(_text),
}
# The version of the metadata is about how the form is read; the others were replaced in 2005 (PEP 345), nobody reads
# them, and flit sends `provides` of files that say nothing of it.
MEANINGLESS = {"metadata_version", "requires", "provides", "obsoletes"}
