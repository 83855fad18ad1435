"""How a ticket ends without a reset."""

from datetime import timedelta

from django.db.models import Q

from accounts import addresses, services
from accounts.mail import links
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery import errors, notices, policy
from recoverydesk.recovery.evidence import ages, cases
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, Actor, Who
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import timetable
from recoverydesk.recovery.workflow.checks import YOUNG_FACTOR
from recoverydesk.recovery.workflow.disputes import dispute_in
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, move, save, verb
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import TRANSITIONS, Verb

ONCE_IN = timedelta(days=30)
A_MOMENT = timedelta(seconds=10)  # between the clock a verb reads and the time of its events
SUBJECT = "subject"


def reject(ticket_id: int, *, actor: Actor, reason: str, seen: Seen | None = None) -> RecoveryTicket:
    """Close without a reset. Raises ReasonTooShort."""
    with verb(Verb.REJECT, ticket_id, actor, seen) as locked:
        return close(locked, Status.REJECTED, Tag.ACCOUNT_RECOVERY_REJECT, reason=check_reason(reason))


def stop(ticket_id: int, *, actor: Actor, lock_account: bool = False) -> RecoveryTicket:
    """An owner says no. With `lock_account` their sessions end and the account is frozen, too.

    A weak no (policy.no) disputes instead. Whoever stopped a request may still lock the account afterwards, once.
    Raises InvalidTransition for whatever else is closed.
    """
    with verb(Verb.STOP, ticket_id, actor) as locked:
        if not locked.ticket.is_open:
            return _lock_later(locked, lock_account)
        if policy.no(voice_of(locked), after_reset=False) != policy.No.ENDS:
            return dispute_in(locked, "stopped again, or by what is younger than 30 days")
        locked.ticket.stopped_by = objector_of(actor)
        ticket = close(locked, Status.STOPPED, Tag.ACCOUNT_RECOVERY_STOP, "stopped_by")
        if lock_account:
            freeze_account(locked, "stopped a recovery request")
        return ticket


def _lock_later(locked: LockedTicket, lock_account: bool) -> RecoveryTicket:
    if not lock_account or not may_still_lock(locked.ticket, objector_of(locked.actor)):
        raise errors.InvalidTransition(f"stop, {locked.ticket.status}")
    freeze_account(locked, "stopped a recovery request")
    return save(locked, Tag.ACCOUNT_RECOVERY_STOP, locked=True)


def may_still_lock(ticket: RecoveryTicket, objector: str) -> bool:
    """Whether this objector stopped the ticket and the account was not frozen since: what staff open stays open."""
    if ticket.status != Status.STOPPED or ticket.stopped_by != objector or ticket.closed_at is None:
        return False
    frozen = Event.objects.filter(subject_uid=ticket.subject.uid, tag=Tag.ACCOUNT_FREEZE)
    return ticket.subject.frozen_at is None and not frozen.filter(time__gt=ticket.closed_at - A_MOMENT).exists()


def objector_of(actor: Actor) -> str:
    """Whose no it is: a mailbox of the account, or whoever is signed in to it."""
    return actor.link.recipient.lower() if actor.link is not None else SUBJECT


def voice_of(locked: LockedTicket) -> policy.Voice:
    """Whose no it is, how old what they say it with is, and whether they said one recently, as `policy.no` asks."""
    actor, ticket = locked.actor, locked.ticket
    if actor.link is not None and Who.CLAIMANT in actor.parts:
        return policy.Voice(claimants=True)
    if actor.link is not None:
        young = ages.address_is_young(ticket.subject, actor.link.recipient, ticket.requested_at)
    else:
        since = actor.factor_since
        young = since is not None and since > locked.now - YOUNG_FACTOR
    return policy.Voice(owners=True, young=young, again=_said_no_recently(locked))


def _said_no_recently(locked: LockedTicket) -> bool:
    """The same objector ended or objected to this request, or another of this account in the last 30 days."""
    objector = objector_of(locked.actor)
    others = RecoveryTicket.objects.filter(subject_id=locked.ticket.subject_id, stopped_by=objector)
    since = locked.now - ONCE_IN
    recent = Q(closed_at__gte=since) | Q(objected_at__gte=since)
    return locked.ticket.stopped_by == objector or others.exclude(pk=locked.ticket.pk).filter(recent).exists()


def withdraw(ticket_id: int, *, actor: Actor) -> RecoveryTicket:
    """The claimant, or the subject signed in with a recent second factor, closes the request.

    The subject's no may be a weak one, which disputes (policy.no). Raises StepUpRequired.
    """
    with verb(Verb.WITHDRAW, ticket_id, actor) as locked:
        if Who.SUBJECT in actor.parts and not actor.recent:
            raise errors.StepUpRequired
        if policy.no(voice_of(locked), after_reset=False) != policy.No.ENDS:
            return dispute_in(locked, "closed again, or with a new second factor")
        locked.ticket.stopped_by = SUBJECT if Who.SUBJECT in actor.parts else ""
        return close(locked, Status.WITHDRAWN, Tag.ACCOUNT_RECOVERY_WITHDRAW, "stopped_by")


def expire(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """Close a challenged ticket whose claimant had 14 days of turn. Raises InvalidTransition while time is left."""
    with verb(Verb.EXPIRE, ticket_id, actor) as locked:
        if not policy.expired(locked.case(), timetable.their_time(locked.ticket, locked.now), cases.numbers()):
            raise errors.InvalidTransition("time is left")
        return close(locked, Status.EXPIRED, Tag.ACCOUNT_RECOVERY_EXPIRE)


def close(locked: LockedTicket, status: Status, tag: Tag, *fields: str, reason: str = "") -> RecoveryTicket:
    """End a ticket without a reset: its links die, its boundaries are not asked again, a known contact is told."""
    ticket = _end(locked, status, tag, *fields, reason=reason)
    if ticket.challenged_at is not None and notices.contact_is_known(ticket):
        notices.tell_contact(ticket, "recovery_closed", status=status.value)
    return ticket


def _end(locked: LockedTicket, status: Status, tag: Tag, *fields: str, reason: str) -> RecoveryTicket:
    ticket = locked.ticket
    links.kill(reference=ticket.reference, purposes=["status", "confirm_contact"])
    Boundary.objects.filter(ticket=ticket).update(next_probe_at=None)
    ticket.closing_reason = reason
    ticket.challenges_itself = False
    ticket.next_notice_at = None
    return move(locked, status, tag, "closing_reason", "challenges_itself", "next_notice_at", *fields, reason=reason)


def close_others(locked: LockedTicket) -> None:
    """Other open tickets of the account end with this one; a contact that was ever confirmed or verified is told."""
    others = RecoveryTicket.objects.select_for_update(of=("self",)).open()
    for other in others.filter(subject_id=locked.ticket.subject_id).exclude(pk=locked.ticket.pk):
        other.subject = locked.ticket.subject
        end = LockedTicket(Verb.REJECT, other, SYSTEM, locked.now, TRANSITIONS[Verb.REJECT].targets, [])
        _end(end, Status.REJECTED, Tag.ACCOUNT_RECOVERY_REJECT, reason=f"closed with #{locked.ticket.pk}")
        if other.mailbox_confirmed_at is not None or other.contact in addresses.notice_addresses(other.subject):
            notices.tell_contact(other, "recovery_closed", status=Status.REJECTED.value, another=True)


def freeze_account(locked: LockedTicket, reason: str) -> None:
    """Freeze the subject's account in the owner's name: only they, or staff, lift it."""
    subject, actor = locked.ticket.subject, locked.actor
    services.freeze(subject, by=User.FrozenBy.OWNER, actor=actor.party, reason=reason, origin=actor.origin)
