"""A button clicked twice by the same person: the second click leads to the page the first one led to."""

from accounts.mail.models import Link
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects.models import Role
from recoverydesk.recovery.models import RecoveryTicket, Status


def was_stopped_with(link: Link, ticket: RecoveryTicket, *, lock: bool) -> bool:
    """Whether this link stopped the ticket; with `lock`, whether the account is frozen since."""
    same = ticket.status == Status.STOPPED and ticket.stopped_by == link.recipient.lower()
    return same and (not lock or ticket.subject.frozen_at is not None)


def was_withdrawn(ticket: RecoveryTicket) -> bool:
    """Whether "close my request" did it: with that the link died which opened its page."""
    return ticket.status == Status.WITHDRAWN


def was_confirmed_with(link: Link, ticket: RecoveryTicket) -> bool:
    """Whether this link confirmed the contact of a ticket that is still open."""
    return link.used_at is not None and ticket.mailbox_confirmed_at is not None and ticket.is_open


def was_renewed(link: Link) -> bool:
    """Whether a newer choose-password link took the place of this one and waits in the mailbox."""
    newer = Link.objects.filter(purpose=link.purpose, reference=link.reference, pk__gt=link.pk)
    return newer.filter(used_at=None, dead_at=None).exists()


def was_closed_by_subject(ticket_id: int, user: User) -> bool:
    """Whether the ticket is about this account and was withdrawn or stopped."""
    closed = RecoveryTicket.objects.filter(pk=ticket_id, status__in=(Status.WITHDRAWN, Status.STOPPED))
    return closed.filter(subject=user).exists()


def was_released_by(role_id: int, user: User) -> bool:
    """Whether this very owner let the role act again, and it does."""
    role = Role.objects.select_related("project", "user").filter(pk=role_id, held_at=None).first()
    if role is None:
        return False
    said = Event.objects.filter(tag=Tag.PROJECT_ROLE_RELEASE, actor_uid=user.uid)
    return said.filter(project_uid=role.project.uid, subject_uid=role.user.uid).exists()
