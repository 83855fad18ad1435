"""The tokens of an account as their owner reads them: whether each still opens something, and what narrows it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import User
from common.clock import database_now
from tokens import caveats, hooks
from tokens.models import ApiToken


@dataclass(frozen=True)
class Row:
    """One token. `expired`: its time is over; `lost`: its owner may no longer upload to its project."""

    token: ApiToken
    expired: bool
    lost: bool
    only_newer: bool
    only_read: bool


def of(user: User) -> list[Row]:
    """What is not revoked, newest first, in three queries."""
    rows = ApiToken.objects.usable_by(user.pk).order_by("-created_at", "-id")
    now, theirs = database_now(), {project.uid for project in hooks.projects_of(user)}
    return [_row(token, now, theirs) for token in rows]


def row(token: ApiToken) -> Row:
    """One of them."""
    return _row(token, database_now(), {project.uid for project in hooks.projects_of(token.user)})


def _row(token: ApiToken, now: datetime, theirs: Collection[UUID | None]) -> Row:
    return Row(
        token,
        expired=token.expires_at is not None and token.expires_at <= now,
        lost=token.project_uid is not None and token.project_uid not in theirs,
        only_newer=caveats.dumps(caveats.NewerVersions()) in token.caveats,
        only_read=caveats.dumps(caveats.ReadOnly()) in token.caveats,
    )
