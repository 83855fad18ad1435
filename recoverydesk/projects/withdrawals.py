"""Withdrawing what was published. A yanked file stays for whoever names its version, others pass it by (PEP 592); a
deleted one is gone, and its name and bytes stay taken for ever (ADR 0132).

Each verb takes a release or one of its files, and locks their project, so that uploads and other verbs wait.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import decisions, services
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guards, release_mails
from recoverydesk.projects.models import REASON_LENGTH, File, Project, Release, Role
from recoverydesk.projects.releases import touch
from recoverydesk.projects.roles import in_quarantine

Published = Release | File
TAGS = {
    (Release, "yanked"): Tag.PROJECT_RELEASE_YANK,
    (Release, "unyanked"): Tag.PROJECT_RELEASE_UNYANK,
    (Release, "deleted"): Tag.PROJECT_RELEASE_REMOVE,
    (File, "yanked"): Tag.FILE_YANK,
    (File, "unyanked"): Tag.FILE_UNYANK,
    (File, "deleted"): Tag.FILE_REMOVE,
}
OWNERS_DELETE = timedelta(hours=72)  # as npm: after that others have built on it
STAFF_DELETE = "projects.delete_release"
ACTING = (Role.Kind.OWNER, Role.Kind.MAINTAINER)


class ReleaseError(Exception):
    """A verb of releases was refused; nothing changed."""

    message: str | Promise = _("This release cannot be changed. Open its page again to see its state.")

    def __str__(self) -> str:
        return str(self.message)


class NotActing(ReleaseError):
    """Only somebody with a role in the project, accepted and not on hold, may do this."""

    message = _("Only an owner or a maintainer of the project may do this. A role that is on hold does not count.")


class NotDeleting(ReleaseError):
    """Only an owner of the project who acts may delete; or staff with the right who have no role in it."""

    message = _("Only an owner of the project may delete this. A role that is on hold does not count.")


class TooLate(ReleaseError):
    """Others have built on it."""

    message = _("You can delete this only in its first 72 hours. Yank it, or ask our staff.")


class ReleasesInQuarantine(ReleaseError):
    """The account was recovered recently; what it published stays as it is for some days (design rule 9)."""

    message = _(
        "Your account was recovered. You cannot yank or delete releases until the limits of your "
        "account end. A co-owner can."
    )


class ReleaseGone(ReleaseError):
    "This release or file was already deleted."

    message = _("This release or file was already deleted.")


class ReleaseYanked(ReleaseError):
    """The whole release is yanked, not this file alone."""

    message = _("The whole release is yanked. First un-yank the release.")


class NotReady(ReleaseError):
    """The guards of the project ask for a second factor that this person has not got."""

    def __init__(self, what: str) -> None:
        self.message = what


class UnfitReason(ReleaseError):
    """A reason is one line, which every installer prints."""

    message = _("Give the reason in one line of at most 500 characters.")


@transaction.atomic
def yank(what: Published, *, actor: User | str, reason: str = "", origin: RequestOrigin | None = None) -> bool:
    """Let installers pass by what is not asked for by its exact version; False where it is so already.

    The index shows the reason to everybody. A yanked release yanks what is uploaded to it later, too. Raises NotActing,
    ReleasesInQuarantine, ReleaseGone or UnfitReason. The reason is in no event: nothing there can be erased.
    """
    project, row = _locked(what)
    _check_actor(project, actor)
    why = checked_reason(reason)
    if row.yanked and row.yanked_reason == why:
        return False
    row.yanked, row.yanked_reason = True, why
    row.save(update_fields=["yanked", "yanked_reason"])
    _conclude("yanked", project, row, actor, origin)
    return True


@transaction.atomic
def unyank(what: Published, *, actor: User | str, origin: RequestOrigin | None = None) -> bool:
    """Offer it to everybody again, a release with all of its files; False where it is offered.

    Raises as `yank`, and ReleaseYanked for a file.
    """
    project, row = _locked(what)
    _check_actor(project, actor)
    if isinstance(row, File) and row.release.yanked:
        raise ReleaseYanked
    changed = [row] if row.yanked else []
    if isinstance(row, Release):
        changed += row.files.filter(yanked=True)
    for one in changed:
        one.yanked, one.yanked_reason = False, ""
        one.save(update_fields=["yanked", "yanked_reason"])
    if changed:
        _conclude("unyanked", project, row, actor, origin)
    return bool(changed)


@transaction.atomic
def delete(what: Published, *, actor: User | str, origin: RequestOrigin | None = None) -> None:
    """Take it out of the index for good. Its row stays, so do the links that are evidence, and its bytes, unseen.

    Raises NotDeleting, ReleasesInQuarantine, ReleaseGone, and TooLate 72 hours after it was uploaded.
    """
    project, row = _locked(what)
    if not acts(project, actor, (Role.Kind.OWNER,)):
        raise NotDeleting
    if not isinstance(actor, str) and database_now() >= deletable_until(row):
        raise TooLate
    _delete(project, row, actor, origin)


@transaction.atomic
def delete_as_staff(
    what: Published,
    *,
    actor: User,
    reason: str,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> None:
    """As `delete`, at any time, by staff with the right. Nobody decides so about a project they have a role in.

    Raises NotDeleting, ReleaseGone, services.ReasonMissing, UnfitReason and decisions.ConfirmationNeeded.
    """
    project, row = _locked(what)
    words = [_("Delete %(what)s of %(project)s for ever.") % {"what": row, "project": project}]
    if not decides_as_staff(project, actor):
        raise NotDeleting
    services.require_reason(reason)
    why = checked_reason(reason)
    decisions.check_confirmation(confirmed, deleting(row), actor, words)
    _delete(project, row, actor, origin, by="staff", reason=why)


def deletable_until(row: Published) -> datetime:
    """Until when owners may delete it."""
    return row.uploaded_at + OWNERS_DELETE


def deleting(row: Published) -> decisions.Decision:
    """The decision to delete this very row."""
    return decisions.Decision("delete", f"{type(row).__name__.lower()}:{row.pk}", str(row))


def _delete(project: Project, row: Published, actor: User | str, origin: RequestOrigin | None, **data: Any) -> None:
    row.deleted_at = database_now()
    row.save(update_fields=["deleted_at"])
    _conclude("deleted", project, row, actor, origin, **data)


def _locked(what: Published) -> tuple[Project, Published]:
    """Lock the project, then read the row again. Raises ReleaseGone."""
    release_id = what.pk if isinstance(what, Release) else what.release_id
    project = Project.objects.select_for_update().get(releases=release_id)
    release = Release.objects.get(pk=release_id)
    if release.deleted_at:
        raise ReleaseGone
    if isinstance(what, Release):
        return project, release
    file = release.files.select_related("release").get(pk=what.pk)
    if file.deleted_at:
        raise ReleaseGone
    return project, file


def _check_actor(project: Project, actor: User | str) -> None:
    """Raises NotActing, ReleasesInQuarantine or NotReady."""
    if not acts(project, actor, ACTING):
        raise NotActing


def decides_as_staff(project: Project, actor: User) -> bool:
    """Whether this member of staff may decide about what the project published: a right, and no role in it."""
    may = actor.is_staff and actor.may_sign_in and actor.has_perm(STAFF_DELETE)
    return may and not Role.objects.filter(project=project, user_id=actor.pk).exists()


def acts(project: Project, actor: User | str, kinds: tuple[str, ...]) -> bool:
    """Whether the actor has such a role and may use it. Raises ReleasesInQuarantine or NotReady.

    The system and the operator, who have no account, have asked their own rules.
    """
    if isinstance(actor, str):
        return True
    roles = Role.objects.filter(project=project, user_id=actor.pk, accepted_at__isnull=False, held_at=None)
    if not roles.filter(kind__in=kinds, user__is_active=True, user__frozen_at=None).exists():
        return False
    if in_quarantine(actor):
        raise ReleasesInQuarantine
    if what := guards.lacks(project, actor):
        raise NotReady(what)
    return True


def checked_reason(reason: str) -> str:
    """Return the reason without the space around it. Raises UnfitReason."""
    reason = reason.strip()
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise UnfitReason
    return reason


def _conclude(
    state: str, project: Project, row: Published, actor: User | str, origin: RequestOrigin | None, **data: Any
) -> None:
    """The index shows something else, the log knows, the owners hear."""
    touch(project)
    release = row if isinstance(row, Release) else row.release
    about: dict[str, Any] = {"version": release.version} | ({} if row is release else {"file": str(row)}) | data
    event = record(TAGS[type(row), state], actor=actor, project=project, origin=origin, **about)
    release_mails.tell(project, "staff" if "by" in data else actor, state, str(row), event.id)
