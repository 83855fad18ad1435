"""Who uploaded which file of a release, and with which API token: read from the log, which forgets nothing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects.models import Release, Role
from tokens.models import ApiToken

TAGS = (Tag.PROJECT_RELEASE_ADD, Tag.FILE_ADD, Tag.FILE_STAGE, Tag.PROJECT_STAGED_PUBLISH)


@dataclass(frozen=True)
class Uploader:
    """An account by name; `token` is what its owner calls the API token, empty where none was used or is left."""

    name: str
    token: str


def of_release(release: Release, *, tokens: bool) -> dict[str, Uploader]:
    """Return who uploaded each file, by its name; what an import brought in has nobody. Two queries at most.

    Without `tokens` nobody reads how others call theirs.
    """
    events = Event.objects.filter(
        project_uid=release.project.uid, tag__in=TAGS, actor_uid__isnull=False, data__version=release.version
    )
    rows = list(events.order_by("id").values_list("actor_name", "token_id", "tag", "data"))
    names = token_names([row[1] for row in rows]) if tokens else {}
    staged: dict[str, Uploader] = {}
    found: dict[str, Uploader] = {}
    for name, token, tag, data in rows:
        by = dict.fromkeys(map(str, data.get("files", [])), Uploader(name, names.get(token, "")))
        if tag == Tag.FILE_STAGE:
            staged |= by
        elif tag == Tag.PROJECT_STAGED_PUBLISH:  # who published it did not upload it
            found |= {filename: staged[filename] for filename in by if filename in staged}
        else:
            found |= by
    return found


def shows_origins(role: Role, user: User, now: datetime) -> bool:
    """Whether this role of the user's shows with which token and from where others upload: an owner's that acts, of an
    account that is not in quarantine (ADR 0160). No query."""
    return role.kind == Role.Kind.OWNER and role.held_at is None and not user.in_quarantine(now)


def token_names(ids: list[UUID | None]) -> dict[UUID | None, str]:
    """How the owners of these tokens call them. One query, none where there is no token."""
    wanted = {one for one in ids if one is not None}
    return dict(ApiToken.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
