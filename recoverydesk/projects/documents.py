"""Turns a document of the PyPI JSON API, per project or per version, into facts. Touches no database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from recoverydesk.projects import labels
from recoverydesk.projects.models import REASON_LENGTH
from recoverydesk.projects.published import AboutFact, FileFact, InvalidFact, ReleaseFact, about

MOST_RELEASES = 20_000
MOST_LINKS = 1_000
KINDS: dict[type, str] = {dict: "object", list: "array", str: "string"}
T = TypeVar("T")


@dataclass(frozen=True)
class ProjectFacts:
    """What one document says. `unplaced` are versions without a file, hence without a time, that say nothing else."""

    name: str
    releases: tuple[ReleaseFact, ...]
    unplaced: tuple[str, ...]


def read_document(document: Any, uploaded_at: datetime | None = None) -> ProjectFacts:
    """Read one document; `uploaded_at` overrides its times. Raises InvalidFact with what is wrong.

    Only the version `info` describes has known links: the document of a project says nothing about the links of its
    other releases, and nothing is invented for them (`urls` None).
    """
    info = _of_type(dict, _of_type(dict, document, _("the document")).get("info"), "info")
    name = _of_type(str, info.get("name"), "info.name")
    newest = _of_type(str, info.get("version"), "info.version")
    facts, unplaced = [], []
    for version, files in _files_by_version(document, newest).items():
        found = _files(files, uploaded_at)
        at = uploaded_at or min((file.uploaded_at for file in found), default=None)
        if at is not None:
            links, told = (_links(info), _about(info)) if version == newest else (None, None)
            facts.append(ReleaseFact(version, at, links, found, about=told))
        elif version == newest:
            raise InvalidFact(_("version %(version)s has no upload time; give --uploaded-at") % {"version": version})
        else:
            unplaced.append(version)
    return ProjectFacts(name, tuple(facts), tuple(unplaced))


def _files_by_version(document: dict[str, Any], newest: str) -> dict[str, list[Any]]:
    """Join `releases` with `urls`, which are the files of the version `info` describes."""
    releases = _of_type(dict, _given(document, "releases", {}), "releases")
    if len(releases) > MOST_RELEASES:
        raise InvalidFact(_("more than %(number)s releases") % {"number": MOST_RELEASES})
    found = {version: _of_type(list, files, f"releases.{version[:50]}") for version, files in releases.items()}
    urls = _of_type(list, _given(document, "urls", []), "urls")
    return {**found, newest: [*found.get(newest, []), *urls]}


def _files(rows: list[Any], uploaded_at: datetime | None) -> tuple[FileFact, ...]:
    """Read the files of one version, each once. Two of one name must be the same file."""
    found: dict[str, FileFact] = {}
    for row in rows:
        file = _file(_of_type(dict, row, _("a file")), uploaded_at)
        if found.setdefault(file.filename, file).sha256 != file.sha256:
            raise InvalidFact(_("the file %(name)s has two different SHA-256 values") % {"name": file.filename})
    return tuple(found.values())


def _file(row: dict[str, Any], uploaded_at: datetime | None) -> FileFact:
    digests = _of_type(dict, row.get("digests"), "digests")
    return FileFact(
        filename=row.get("filename", ""),
        packagetype=row.get("packagetype", ""),
        size=row.get("size", ""),
        sha256=digests.get("sha256", ""),
        uploaded_at=uploaded_at or _time(row),
        yanked=row.get("yanked", False),
        yanked_reason=_line(row.get("yanked_reason")),
    )


def _line(value: Any) -> str:
    """A reason in one line as long as ours may be: elsewhere it is any text."""
    text = _of_type(str, "" if value is None else value, "yanked_reason")
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:REASON_LENGTH]


def _time(row: dict[str, Any]) -> datetime:
    text = row.get("upload_time_iso_8601") or row.get("upload_time")
    if text is None:
        raise InvalidFact(
            _("%(name)s has no upload time; give --uploaded-at") % {"name": str(row.get("filename"))[:100]}
        )
    return parse_time(text)


def parse_time(text: Any) -> datetime:
    """Read an ISO 8601 time as UTC; one without a zone is UTC. Raises InvalidFact."""
    try:
        time = datetime.fromisoformat(_of_type(str, text, _("a time")))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidFact(_("%(text)r is not an ISO 8601 time") % {"text": str(text)[:50]}) from None


def _links(info: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the (label, URL) pairs of `info`: the legacy fields around the labelled links."""
    labelled = _of_type(dict, _given(info, "project_urls", {}), "project_urls")
    if len(labelled) > MOST_LINKS:
        raise InvalidFact(_("more than %(number)s links") % {"number": MOST_LINKS})
    home_page = _url(info.get("home_page"), labels.LEGACY_HOME_LABEL)
    download = _url(info.get("download_url"), labels.LEGACY_DOWNLOAD_LABEL)
    return labels.links(home_page, {label: _url(url, label) for label, url in labelled.items()}, download)


def _about(info: dict[str, Any]) -> AboutFact:
    return about(
        summary=info.get("summary"),
        description=info.get("description"),
        content_type=info.get("description_content_type"),
        license_text=info.get("license_expression") or info.get("license"),
        requires=info.get("requires_dist"),
    )


def _url(value: Any, label: str) -> str:
    return _of_type(str, "" if value is None else value, _("the URL of %(label)s") % {"label": label[:50]})


def _given(row: dict[str, Any], key: str, absent: Any) -> Any:
    """Return what stands under `key`, or `absent` where the key is missing or null."""
    value = row.get(key)
    return absent if value is None else value


def _of_type(kind: type[T], value: object, name: str) -> T:
    if not isinstance(value, kind):
        raise InvalidFact(_("%(name)s is missing or not of type %(kind)s") % {"name": name, "kind": KINDS[kind]})
    return value
