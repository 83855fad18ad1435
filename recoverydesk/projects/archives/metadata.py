"""What a distribution says about itself (core metadata), read by `packaging` and checked by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from trove_classifiers import classifiers as known_classifiers
from trove_classifiers import deprecated_classifiers

from recoverydesk.projects import labels
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.published import InvalidFact

FIRST = ("metadata-version", "name", "version")  # what is wrong with these is said before anything else
LONGEST_SUMMARY, LONGEST_LABEL = 512, 32
MOST_FIELDS, MOST_FIELD_NAMES, MOST_FIELD_BYTES = 5_000, 100, 2**20  # the largest we know has some 1,600 of 20
_LINE = rb"[^\r\n]*(?:\r\n|\r|\n|\Z)"
_FIELD = re.compile(rb"(?P<name>[!-9;-~]*):" + _LINE + rb"(?:[ \t]" + _LINE + rb")*")


@dataclass(frozen=True)
class Described:
    """What we keep of a distribution's metadata. `links` are (label, URL) pairs."""

    name: str
    version: Version
    requires_python: str
    links: tuple[tuple[str, str], ...]


def read(data: bytes) -> RawMetadata:
    """Read METADATA or PKG-INFO, checking nothing yet. Raises InvalidArchive."""
    length = _headers_length(data)
    try:
        raw = parse_email(data[:length])[0]  # without the body: a mail's may have parts, in parts, in parts
    except Exception as error:  # the e-mail parser raises what it likes on bytes that are no mail
        raise InvalidArchive("its metadata cannot be read") from error
    if body := data[length:].strip():
        raw.setdefault("description", body.decode("utf-8", "replace"))
    return raw


def _headers_length(data: bytes) -> int:
    """Return the length of the header fields, found as Python's e-mail parser finds them. Raises InvalidArchive."""
    names, number, end = set(), 0, 0
    while line := _FIELD.match(data, end):
        number, end = number + 1, line.end()
        names.add(line["name"].lower())
        if number > MOST_FIELDS or len(names) > MOST_FIELD_NAMES or end > MOST_FIELD_BYTES:
            raise InvalidArchive(f"its metadata has more than {MOST_FIELDS} fields, or too many kinds or bytes of them")
    return end


def described(raw: RawMetadata) -> Described:
    """Return what we keep; name and version must be there and valid. Raises InvalidFact."""
    metadata = Metadata.from_raw(raw, validate=False)
    try:
        name, version = metadata.name, metadata.version
    except (InvalidMetadata, InvalidVersion) as error:
        raise InvalidFact(str(error)) from error
    return Described(name, version, raw.get("requires_python", ""), tuple(_links(raw)))


def same(raw: RawMetadata, name: str, version: Version) -> bool:
    """True when the metadata speaks of this project and version."""
    try:
        is_version = Version(raw.get("version", "")) == version
    except InvalidVersion:
        return False
    return is_version and canonicalize_name(raw.get("name", "")) == canonicalize_name(name)


def problem(raw: RawMetadata) -> str:
    """Return the first thing wrong with metadata somebody uploads, as `field: what`; "" where nothing is."""
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        return min(_sentences(group), key=_rank)
    return _own_rules(raw)


def _links(raw: RawMetadata) -> Iterator[tuple[str, str]]:
    """Return the home page first, then the labelled links, without those that are no link."""
    pairs = [(labels.LEGACY_HOME_LABEL, raw.get("home_page", "")), *raw.get("project_urls", {}).items()]
    for label, url in pairs:
        if label.strip() and url.strip() not in labels.ABSENT:
            yield label.strip(), url.strip()


def _sentences(group: ExceptionGroup) -> Iterator[str]:
    for error in group.exceptions:
        field = error.field if isinstance(error, InvalidMetadata) else "metadata"
        yield f"{field}: {error}"


def _rank(sentence: str) -> tuple[int, str]:
    field = sentence.partition(":")[0]
    return (FIRST.index(field) if field in FIRST else len(FIRST), sentence)


def _own_rules(raw: RawMetadata) -> str:
    """Ask for what a registry wants beyond the standard (those of PyPI's upload endpoint)."""
    metadata = Metadata.from_raw(raw, validate=False)
    if metadata.version.local:
        return "version: local versions are not allowed"
    if len(raw.get("summary", "")) > LONGEST_SUMMARY:
        return f"summary: is longer than {LONGEST_SUMMARY} characters"
    if raw.get("license") and raw.get("license_expression"):
        return "license: is deprecated when license-expression is given"
    if wrong := next(filter(None, map(_classifier_problem, raw.get("classifiers", []))), ""):
        return f"classifiers: {wrong}"
    if any(not 0 < len(label) <= LONGEST_LABEL for label in raw.get("project_urls", {})):
        return f"project-urls: a label must have 1 to {LONGEST_LABEL} characters"
    if direct := next((one for one in metadata.requires_dist or [] if one.url), None):
        return f"requires-dist: Can't have direct dependency: {direct}"
    return ""


def _classifier_problem(classifier: str) -> str:
    """Why this is no classifier for an upload; "" where it is one."""
    if classifier.lower().startswith("private ::"):
        return "a private classifier stops every upload"
    if classifier in deprecated_classifiers:
        better = deprecated_classifiers[classifier]
        return f"{classifier!r} has been deprecated, use {' or '.join(map(repr, better)) if better else 'none'} instead"
    return "" if classifier in known_classifiers else f"{classifier[:200]!r} is not a valid classifier"
