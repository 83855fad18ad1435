"""Who works a ticket, and until when it is put off."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User
from audit import log
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import people
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk.at_desk import at_desk, save_and_record
from recoverydesk.recovery.models import RecoveryTicket, Status, Turn
from recoverydesk.recovery.permissions import RESET, RESET_WITHOUT_PROJECTS, Actor, Who, can_work, staff
from recoverydesk.recovery.workflow.checks import check_not_own
from recoverydesk.recovery.workflow.locked_ticket import record
from recoverydesk.recovery.workflow.seen_pages import Seen

LONGEST_SNOOZE = timedelta(days=30)
AWAKE = Q(snoozed_until=None) | Q(snoozed_until__lte=Now()) | Q(snoozed_at__lt=F("turn_since"))


def take_ticket(ticket_id: int, *, actor: Actor, seen: Seen | None = None) -> RecoveryTicket:
    """Put the ticket on the actor's own desk. Raises NotAllowed, OwnTicket and StaleTicket."""
    with at_desk("take", ticket_id, actor, seen) as ticket:
        ticket.assigned_to = actor.user
        return save_and_record(ticket, Tag.ACCOUNT_RECOVERY_ASSIGN, actor, "assigned_to", to=_name(actor.user))


def assign(ticket_id: int, *, actor: Actor, to: User | None) -> RecoveryTicket:
    """Put the ticket on somebody's desk, or on nobody's.

    Raises NotAllowed (also when `to` cannot work tickets), OwnTicket (also when the ticket is about `to`) and
    CoOwnedTicket (also when `to` owns a project together with its subject).
    """
    with at_desk("assign", ticket_id, actor) as ticket:
        if to is not None:
            if not can_work(to):
                raise errors.NotAllowed(to.username)
            check_not_own(ticket.subject, staff(to))
            if people.co_owns(to, ticket.subject):
                raise errors.CoOwnedTicket(to.username)
        ticket.assigned_to = to
        return save_and_record(ticket, Tag.ACCOUNT_RECOVERY_ASSIGN, actor, "assigned_to", to=_name(to))


def snooze(ticket_id: int, *, actor: Actor, until: datetime | None) -> RecoveryTicket:
    """Keep the ticket out of "our turn" until then, at most 30 days; None wakes it. A change of turn wakes it too.

    `until` is aware. Raises NotAllowed, OwnTicket and BadSnooze.
    """
    with at_desk("snooze", ticket_id, actor) as ticket:
        now = database_now()
        if until is not None and not now < until <= now + LONGEST_SNOOZE + timedelta(minutes=1):
            raise errors.BadSnooze
        ticket.snoozed_at, ticket.snoozed_until = (now, until) if until else (None, None)
        text = until.isoformat() if until else ""
        return save_and_record(ticket, Tag.ACCOUNT_RECOVERY_SNOOZE, actor, "snoozed_at", "snoozed_until", until=text)


def take_next(*, actor: Actor) -> RecoveryTicket | None:
    """Put the longest waiting ticket that nobody has on the actor's desk; None when there is none.

    Atomic: PostgreSQL skips what somebody else is just taking, SQLite writes one transaction at a time, and the
    UPDATE asks once more. Raises NotAllowed.
    """
    if not actor.parts & {Who.MODERATOR, Who.ADMIN} or actor.user is None:
        log.record(Tag.ACCOUNT_RECOVERY_REFUSED, actor=actor.party, verb="take_next", error="NotAllowed")
        raise errors.NotAllowed
    while True:
        with transaction.atomic():
            ticket = _longest_waiting(actor)
            if ticket is None:
                return None
            free = RecoveryTicket.objects.filter(pk=ticket.pk, assigned_to=None)
            if free.update(assigned_to=actor.user, version=F("version") + 1):
                record(Tag.ACCOUNT_RECOVERY_ASSIGN, ticket, actor, to=_name(actor.user))
                return ticket


def _longest_waiting(actor: Actor) -> RecoveryTicket | None:
    """Nobody gets a ticket about themselves or a co-owner, nor one only an admin can go on with."""
    assert actor.user is not None
    waiting = RecoveryTicket.objects.filter(AWAKE, turn=Turn.OURS, assigned_to=None).exclude(subject=actor.user)
    waiting = waiting.exclude(subject__in=people.people_sharing_with(actor.user))
    if RESET not in actor.rights:
        without_projects = Q(facts__projects=0) if RESET_WITHOUT_PROJECTS in actor.rights else Q(pk=None)
        waiting = waiting.filter(~Q(status=Status.READY) | without_projects)
    locked = waiting.select_related("subject").select_for_update(skip_locked=True, of=("self",))
    return locked.order_by("turn_since", "id").first()


def _name(user: User | None) -> str:
    return user.username if user else ""
