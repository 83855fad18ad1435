"""The status of a project (PEP 792): what the index tells installers about all of it.

Owners choose between active, archived (no more uploads) and deprecated. Staff quarantine, which takes its files out of
the index, and end a quarantine.
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import decisions, services
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from recoverydesk.projects import release_mails
from recoverydesk.projects.models import Project, Role
from recoverydesk.projects.releases import touch
from recoverydesk.projects.roles import NotProjectOwner
from recoverydesk.projects.withdrawals import ReleaseError, acts, checked_reason, decides_as_staff

Status = Project.Status
OWNERS_GIVE = (Status.ACTIVE, Status.ARCHIVED, Status.DEPRECATED)


class StatusOfStaff(ReleaseError):
    """Our staff quarantined the project, or the status is theirs to give."""

    message = gettext_lazy("Only our staff can put a project in quarantine or take it out.")


@transaction.atomic
def set_status(
    project: Project, status: str, *, actor: User | str, reason: str = "", origin: RequestOrigin | None = None
) -> bool:
    """An owner says what people should expect of the project, with a reason that the index shows; False if it is so.

    Raises NotProjectOwner, ReleasesInQuarantine, StatusOfStaff and UnfitReason.
    """
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if not acts(locked, actor, (Role.Kind.OWNER,)):
        raise NotProjectOwner
    if Status.QUARANTINED in (locked.status, status):
        raise StatusOfStaff
    return _set(locked, Status(status), checked_reason(reason), actor, origin)


@transaction.atomic
def set_status_as_staff(
    project: Project,
    status: str,
    *,
    actor: User,
    reason: str,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> bool:
    """Staff with the right to delete put a project without a role of theirs in quarantine, or end that.

    The index shows the reason; a project that becomes again what its owners had said (`before`) has their reason.
    Raises StatusOfStaff, services.ReasonMissing, UnfitReason, decisions.ConfirmationNeeded.
    """
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if not decides_as_staff(locked, actor) or Status.QUARANTINED not in (locked.status, status):
        raise StatusOfStaff
    services.require_reason(reason)
    why = checked_reason(reason)
    words = [_("Give the project %(name)s the status: %(status)s.") % {"name": locked, "status": Status(status).label}]
    decisions.check_confirmation(confirmed, setting(locked, status), actor, words)
    if locked.status != Status.QUARANTINED:
        locked.status_before, locked.reason_before = locked.status, locked.status_reason
    elif status != Status.QUARANTINED:
        why = locked.reason_before if status == before(locked) != Status.ACTIVE else why
        locked.status_before = locked.reason_before = ""
    return _set(locked, Status(status), why, actor, origin, by="staff")


def before(project: Project) -> Status:
    """What its owners had said of a project in quarantine: what it becomes when the quarantine ends."""
    return Status(project.status_before or Status.ACTIVE)


def setting(project: Project, status: str) -> decisions.Decision:
    """The decision to change this very status."""
    return decisions.Decision("set_status", f"project:{project.uid}", f"{project.status} to {status}")


def _set(
    project: Project, status: Status, reason: str, actor: User | str, origin: RequestOrigin | None, **data: Any
) -> bool:
    if (project.status, project.status_reason) == (status, reason):
        return False
    project.status, project.status_reason = status, reason
    project.save(update_fields=["status", "status_reason", "status_before", "reason_before"])
    touch(project)
    event = record(Tag.PROJECT_STATUS, actor=actor, project=project, origin=origin, status=status.value, **data)
    release_mails.tell(project, "staff" if data else actor, status.value, project.name, event.id)
    return True
