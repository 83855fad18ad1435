"""What a distribution says about itself (core metadata), read by `packaging` and checked by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from trove_classifiers import classifiers as known_classifiers
from trove_classifiers import deprecated_classifiers

from recoverydesk.projects import labels
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.published import AboutFact, InvalidFact, about

FIRST = ("metadata-version", "name", "version")  # what is wrong with these is said before anything else
KEPT = frozenset({"name", "version", "requires-python", "home-page", "download-url", "project-url"})
LONGEST_SUMMARY, LONGEST_LABEL = 512, 32
MOST_FIELDS, MOST_FIELD_NAMES, MOST_FIELD_BYTES = 5_000, 100, 2**20  # the largest we know has some 1,600 of 20
_LINE = rb"[^\r\n]*(?:\r\n|\r|\n|\Z)"
_FIELD = re.compile(rb"(?P<name>[!-9;-~]*):" + _LINE + rb"(?:[ \t]" + _LINE + rb")*")
_NO_URL = re.compile(r"[\s\\<>\"{}|^`\x00-\x20\x7f]")


@dataclass(frozen=True)
class Described:
    """What we keep of a distribution's metadata. `links` are (label, URL) pairs."""

    name: str
    version: Version
    requires_python: str
    links: tuple[tuple[str, str], ...]
    about: AboutFact


def read_metadata(data: bytes) -> tuple[RawMetadata, frozenset[str]]:
    """Read METADATA or PKG-INFO, checking nothing yet. Raises InvalidArchive.

    With it come the names, in lower case, of the fields that cannot be read: unknown, in no UTF-8, or one that may
    stand once and stands twice, which two programs read in two ways.
    """
    length = _headers_length(data)
    try:
        raw, unread = parse_email(data[:length])  # without the body: a mail's may have parts, in parts, in parts
    except Exception as error:  # the e-mail parser raises what it likes on bytes that are no mail
        raise InvalidArchive("its metadata cannot be read") from error
    if body := data[length:].strip():
        raw.setdefault("description", body.decode("utf-8", "replace"))
    return raw, frozenset(unread)


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
    except ValueError as error:  # InvalidMetadata and InvalidVersion are some, a number of 5,000 digits is another
        raise InvalidFact(str(error)) from error
    links = labels.links(raw.get("home_page", ""), raw.get("project_urls", {}), raw.get("download_url", ""))
    return Described(name, version, raw.get("requires_python", ""), links, _about(raw))


def _about(raw: RawMetadata) -> AboutFact:
    return about(
        summary=raw.get("summary"),
        description=raw.get("description"),
        content_type=raw.get("description_content_type"),
        license_text=raw.get("license_expression") or raw.get("license"),
        requires=raw.get("requires_dist"),
    )


def same(raw: RawMetadata, name: str, version: Version) -> bool:
    """True when the metadata speaks of this project and version."""
    try:
        is_version = Version(raw.get("version", "")) == version
    except ValueError:
        return False
    return is_version and canonicalize_name(raw.get("name", "")) == canonicalize_name(name)


def problem(raw: RawMetadata) -> str:
    """Return the first thing wrong with metadata somebody uploads, as `field: what`; "" where nothing is."""
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        return min(_sentences(group), key=_rank)
    except ValueError as error:  # a number of more digits than Python reads
        return f"version: {error}"
    except RecursionError:
        return "requires-dist: is nested too deeply"
    return _own_rules(raw)


def kept_problem(raw: RawMetadata, unread: frozenset[str]) -> str:
    """Return the first thing wrong with what we keep of a file's own metadata; "" where nothing is.

    The other fields were written by tools of many years and are nobody's but the file's.
    """
    if wrong := min(KEPT & unread, default=""):
        return f"{wrong}: cannot be read, or stands there twice"
    try:
        SpecifierSet(raw.get("requires_python", ""))
    except ValueError:
        return f"requires-python: {raw['requires_python'][:100]!r} is invalid"
    return _links_problem(raw)


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
    if wrong := _links_problem(raw):
        return wrong
    if direct := next((one for one in metadata.requires_dist or [] if one.url), None):
        return f"requires-dist: Can't have direct dependency: {direct}"
    return ""


def _links_problem(raw: RawMetadata) -> str:
    """Why a link is none for an upload: PyPI takes http and https only, and labels of 32 characters."""
    labelled = raw.get("project_urls", {})
    if any(not 0 < len(label.strip()) <= LONGEST_LABEL for label in labelled):
        return f"project-urls: a label must have 1 to {LONGEST_LABEL} characters"
    pairs = [("home-page", raw.get("home_page", "")), ("download-url", raw.get("download_url", ""))]
    pairs += [("project-urls", url or "(nothing)") for url in labelled.values()]
    found = (f"{field}: {url[:200]!r} is not a valid url" for field, url in pairs if not _is_link(url.strip()))
    return next(found, "")


def _is_link(url: str) -> bool:
    """True for an http or https address with a host, and for what old tools write where there is none."""
    if url in labels.ABSENT:
        return True
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not _NO_URL.search(url)
        )
    except ValueError:
        return False


def _classifier_problem(classifier: str) -> str:
    """Why this is no classifier for an upload; "" where it is one."""
    if classifier.lower().startswith("private ::"):
        return "a private classifier stops every upload"
    if classifier in deprecated_classifiers:
        better = deprecated_classifiers[classifier]
        return f"{classifier!r} has been deprecated, use {' or '.join(map(repr, better)) if better else 'none'} instead"
    return "" if classifier in known_classifiers else f"{classifier[:200]!r} is not a valid classifier"
