"""After a reset: the owner's objection, and the admin who settles it."""

from datetime import datetime

from accounts.mail import links
from accounts.models import User
from audit.tags import Tag
from recoverydesk.recovery import errors, notices, policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, Judgement, RecoveryTicket
from recoverydesk.recovery.permissions import RESET, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow.checks import check_full_staff
from recoverydesk.recovery.workflow.closing import freeze_account, objector_of, voice_of
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, check_confirmed, save, verb
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import Verb


def object_after_reset(ticket_id: int, *, actor: Actor) -> RecoveryTicket:
    """A stop within seven days after the reset, or while a password is on hold, freezes the account at once.

    From an objector of the last 30 days, to this request or another, it makes the ticket our turn and no more. A second
    button changes nothing. Raises InvalidTransition later.
    """
    with verb(Verb.OBJECT, ticket_id, actor) as locked:
        ticket = locked.ticket
        numbers, held = cases.numbers(), ticket.password_hold_until
        if not policy.may_object(ticket.completed_at, locked.now, numbers, hold_until=held):
            raise errors.InvalidTransition("the days of objecting are over")
        if policy.no(voice_of(locked), after_reset=True) != policy.No.FREEZES:
            return _ask_to_look(locked)
        if cases.objected(ticket) and ticket.objected_at is not None and ticket.subject.frozen_at is not None:
            return ticket
        return _freeze(locked)


def _ask_to_look(locked: LockedTicket) -> RecoveryTicket:
    """Once a person has settled what this objector said, or they said so elsewhere, it freezes nothing again."""
    if cases.objected(locked.ticket):
        return locked.ticket
    locked.ticket.disputed_at = locked.now
    return save(locked, Tag.ACCOUNT_RECOVERY_OBJECT, "disputed_at", again=True)


def _freeze(locked: LockedTicket) -> RecoveryTicket:
    ticket, first = locked.ticket, locked.ticket.objected_at
    settled = ticket.objection_settled_at
    freeze_account(locked, "objected to a reset")
    links.kill(reference=ticket.reference, purposes=["choose_password"])
    if first is None or (settled is not None and settled >= first):
        ticket.objected_at = locked.now
    ticket.stopped_by = objector_of(locked.actor)
    return save(locked, Tag.ACCOUNT_RECOVERY_OBJECT, "objected_at", "stopped_by")


def settle_objection(
    ticket_id: int, *, actor: Actor, outcome: str, reason: str, seen: Seen | None = None
) -> RecoveryTicket:
    """An admin who neither approved nor did the reset looked at the objection: our turn ends, all addresses hear.

    `outcome` is one of Judgement. It lifts no freeze and revives no link. Raises OwnReset, TooNew, NotAllowed,
    CoOwnedTicket, StaleTicket, NoJudgement, ReasonTooShort, decisions.ConfirmationNeeded, and InvalidTransition where
    no objection stands.
    """
    with verb(Verb.SETTLE_OBJECTION, ticket_id, actor, seen) as locked:
        ticket, text = locked.ticket, check_reason(reason)
        if outcome not in Judgement:
            raise errors.NoJudgement
        check_judge(ticket, actor, locked.now)
        if not cases.objected(ticket):
            raise errors.InvalidTransition("no objection stands")
        check_confirmed(locked)
        ticket.objection_settled_at, ticket.objection_outcome = locked.now, outcome
        once, frozen = f":{ticket.version}", ticket.subject.frozen_at is not None
        notices.tell_addresses(ticket, "recovery_objection_settled", once=once, frozen=frozen)
        fields = ("objection_settled_at", "objection_outcome")
        return save(locked, Tag.ACCOUNT_RECOVERY_SETTLE_OBJECTION, *fields, outcome=outcome, reason=text)


def decided(ticket: RecoveryTicket, user: User) -> bool:
    """Whether this person did the reset or gave an approval it rested on."""
    return user.pk == ticket.reset_by_id or Approval.objects.filter(ticket=ticket, by=user, dead_at=None).exists()


def check_judge(ticket: RecoveryTicket, actor: Actor, now: datetime) -> None:
    """The objection is to what two people did: neither settles it, nor does a helper made yesterday.

    Raises NotAllowed, OwnReset and TooNew.
    """
    if RESET not in actor.rights or actor.user is None:
        raise errors.NotAllowed
    if decided(ticket, actor.user):
        raise errors.OwnReset
    check_full_staff(actor, now)
