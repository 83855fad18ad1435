"""Publishing, discarding, expiring: how a staged release ends, once, under its project's lock."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import files, guards, holds, release_mails
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.guard_levels import ANOTHER, TWO_STEP
from recoverydesk.projects.models import Project
from recoverydesk.staging import errors, into_index, reading
from recoverydesk.staging.models import AFTER_RECOVERY, StagedFile, StagedRelease

logger = logging.getLogger(__name__)
State = StagedRelease.State
TAGS = {
    State.PUBLISHED: Tag.PROJECT_STAGED_PUBLISH,
    State.DISCARDED: Tag.PROJECT_STAGED_DISCARD,
    State.EXPIRED: Tag.PROJECT_STAGED_EXPIRE,
}


def publish(uid: UUID, *, actor: User, shown: str, origin: RequestOrigin | None = None) -> StagedRelease:
    """Put every file of the release into the index, or none. `shown` stands for the files that the actor saw.

    Each file is hashed again as it leaves the staging area, and those very bytes are kept. Raises StagingError, and
    InvalidFact for what an import made impossible since. The actor's second factor is the caller's business (batch.py).
    """
    try:
        with files.undone() as made, transaction.atomic():
            staged = _locked(uid)
            rows = list(staged.files.select_related("stager").order_by("pk"))
            check_publisher(staged, rows, reader_of(actor))
            _check_shown(rows, shown)
            into_index.check(staged, rows)
            into_index.publish(staged, rows, made, actor=actor, origin=origin)
            release_mails.tell_in_quarantine(staged.project, actor, f"{staged.project.name} {staged.version}")
            _end(staged, rows, State.PUBLISHED, actor, origin)
    except errors.FileChanged:
        _note_change(uid, actor, origin)
        raise
    return staged


@transaction.atomic
def discard(uid: UUID, *, actor: User, shown: str, origin: RequestOrigin | None = None) -> StagedRelease:
    """Forget the files; their names are free again. Raises StagingError."""
    staged = _locked(uid)
    check_discarder(staged, reader_of(actor))
    rows = list(staged.files.select_related("stager").order_by("pk"))
    _check_shown(rows, shown)
    _end(staged, rows, State.DISCARDED, actor, origin)
    return staged


@transaction.atomic
def expire(uid: UUID) -> None:
    """The end of a release that nobody published or discarded. Raises Ended."""
    staged = _locked(uid)
    _end(staged, list(staged.files.all()), State.EXPIRED, "system", None)


@dataclass(frozen=True)
class Reader:
    """Who asks, as of `now`: `owns` are the projects whose owner they are and act as, `limited` while in quarantine.

    `lacks` says what they must add first in a project whose guard asks for a second factor (guards.lacks).
    """

    user: User
    owns: frozenset[int]
    limited: bool
    now: datetime
    lacks: Callable[[Project], str]


def reader_of(user: User) -> Reader:
    """Ask who this is now. One query, and one more when the first guard asks for a factor."""
    roles = holds.acting_owners().filter(user=user, user__frozen_at=None).select_related("user")
    rows = list(roles.annotate(now=Now()))
    now = rows[0].now if rows else database_now()
    owns = frozenset(row.project_id for row in rows)
    return Reader(user, owns, any(row.user.in_quarantine(now) for row in rows), now, guards.lacks_of(user))


def check_discarder(staged: StagedRelease, reader: Reader) -> None:
    """Who may discard it, and publish it if nothing else forbids that. Raises StagingError."""
    if staged.project_id not in reader.owns:
        raise errors.NotPublisher
    if reader.limited:
        raise errors.PublisherInQuarantine
    if lacks := reader.lacks(staged.project):
        raise errors.LacksFactor(lacks)


def check_publisher(staged: StagedRelease, files: Iterable[StagedFile], reader: Reader) -> None:
    """Who may publish it. Raises StagingError."""
    check_discarder(staged, reader)
    files = list(files)
    if staged.after_recovery and any(_is_too_soon(file, reader) for file in files):
        raise errors.TooSoonAfterRecovery
    another = guards.value(staged.project, TWO_STEP) == ANOTHER
    if another and any(file.stager_id == reader.user.pk for file in files):
        raise errors.StagerPublishes


def _is_too_soon(file: StagedFile, reader: Reader) -> bool:
    """Whether the limits after a recovery ran for the reader when the file was staged, AFTER_RECOVERY ago or less."""
    user = reader.user
    recovered = user.quarantined_at is not None and (
        user.quarantine_until is None or user.quarantine_until > file.staged_at
    )
    return recovered and reader.now - file.staged_at < AFTER_RECOVERY


def _locked(uid: UUID) -> StagedRelease:
    """Lock the project, then read the release again. Raises Ended."""
    project = Project.objects.select_for_update().filter(staged__uid=uid).first()
    staged = StagedRelease.objects.select_related("project").filter(uid=uid, project=project).first()
    if staged is None or not staged.waits:
        raise errors.Ended
    return staged


def _check_shown(rows: list[StagedFile], shown: str) -> None:
    if reading.shown(rows) != shown:
        raise errors.ChangedSince


def _end(
    staged: StagedRelease, rows: list[StagedFile], state: State, actor: Party | str, origin: RequestOrigin | None
) -> None:
    """Write it down; delete the staged bytes once that is certain."""
    staged.state, staged.ended_at = state, database_now()
    staged.ended_by = actor if isinstance(actor, User) else None
    staged.save(update_fields=["state", "ended_at", "ended_by"])
    staged.files.update(live=False, urls=[], about={})
    record(
        TAGS[state], actor=actor, subject=rows[0].stager if rows else None, project=staged.project, origin=origin,
        token=staged.opened_by, version=staged.version, files=[row.filename for row in rows], staged=str(staged.uid),
    )  # fmt: skip
    transaction.on_commit(lambda: _delete([row.stored_as for row in rows]))


def _delete(places: Iterable[str]) -> None:
    """Delete files, their metadata and their folders. What a crash leaves is found by expiring.py."""
    for place in places:
        for name in (place, place + METADATA, place.rpartition("/")[0]):
            try:
                default_storage.delete(name)
            except OSError:
                logger.exception("a staged file that is no longer needed cannot be deleted")


def _note_change(uid: UUID, actor: User, origin: RequestOrigin | None) -> None:
    staged = StagedRelease.objects.select_related("project").get(uid=uid)
    logger.error("a file of the staged release %s is not the one that was staged", uid)
    record(
        Tag.PROJECT_STAGED_CHANGED, actor=actor, project=staged.project, origin=origin, version=staged.version,
        staged=str(uid),
    )  # fmt: skip
