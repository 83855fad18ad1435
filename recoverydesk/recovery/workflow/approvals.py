"""The second person: who may approve, and whose approval still counts at the reset."""

from datetime import datetime

from accounts.models import User
from audit.tags import Tag
from recoverydesk.recovery import errors, policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, RecoveryTicket
from recoverydesk.recovery.permissions import RESET, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import boundary_exceptions
from recoverydesk.recovery.workflow.checks import check_full_staff
from recoverydesk.recovery.workflow.locked_ticket import check_confirmed, save, verb
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import Verb


def approve(ticket_id: int, *, actor: Actor, reason: str, seen: Seen | None = None) -> RecoveryTicket:
    """The second person's yes; another one resets. It dies when the ticket goes back or the evidence changes.

    Raises ApprovalNotNeeded, SuperuserNeeded, SamePerson, TooNew, CoOwnedTicket, StaleTicket, ReasonTooShort,
    decisions.ConfirmationNeeded.
    """
    with verb(Verb.APPROVE, ticket_id, actor, seen) as locked:
        text = check_reason(reason)
        approver = check_approver(locked.ticket, locked.case(), actor, locked.now)
        check_confirmed(locked)
        Approval.objects.create(ticket=locked.ticket, by=approver, reason=text, given_at=locked.now)
        return save(locked, Tag.ACCOUNT_RECOVERY_APPROVE, reason=text)


def check_approver(ticket: RecoveryTicket, case: policy.Case, actor: Actor, now: datetime) -> User:
    """Who may say yes to this ticket as it is. Raises what `approve` says of people."""
    if RESET not in actor.rights or actor.user is None:
        raise errors.NotAllowed
    if policy.people(case, cases.numbers()) < 2:
        raise errors.ApprovalNotNeeded
    if case.subject_is_staff and not actor.user.is_superuser:
        raise errors.SuperuserNeeded
    check_full_staff(actor, now)
    if Approval.objects.filter(ticket=ticket, by=actor.user, dead_at=None).exists():
        raise errors.SamePerson
    return actor.user


def check_resetting_admin(ticket: RecoveryTicket, people: int, actor: Actor, now: datetime) -> None:
    """Where two people decide, who resets is neither the approver nor who asked for the exception.

    Raises TooNew, SamePerson and ApprovalMissing.
    """
    admin = actor.user
    if admin is None or people < 2:
        return
    check_full_staff(actor, now)
    if admin.pk in boundary_exceptions.asked_by(ticket):
        raise errors.SamePerson
    given = [approval.by for approval in cases.live_approvals(ticket).select_related("by")]
    if any(cases.could_approve(by, ticket) for by in given if by.pk != admin.pk):
        return
    raise errors.SamePerson if admin.pk in {by.pk for by in given} else errors.ApprovalMissing
