"""The second person: who may approve, and whose approval still counts at the press."""

from accounts.models import User
from audit.tags import Tag
from recoverydesk.recovery import errors, policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, RecoveryTicket
from recoverydesk.recovery.permissions import RESET, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import boundary_exceptions
from recoverydesk.recovery.workflow.checks import check_full_staff
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import Verb
from recoverydesk.recovery.workflow.work import Work, check_confirmed, save, verb


def approve(ticket_id: int, *, actor: Actor, reason: str, seen: Seen | None = None) -> RecoveryTicket:
    """The second person's yes; another one resets. It dies when the ticket goes back or the evidence changes.

    Raises ApprovalNotNeeded, SuperuserNeeded, SamePerson, TooNew, CoOwnedTicket, StaleTicket, ReasonTooShort,
    decisions.ConfirmationNeeded.
    """
    with verb(Verb.APPROVE, ticket_id, actor, seen) as work:
        text = check_reason(reason)
        approver = _check_approver(work)
        if Approval.objects.filter(ticket=work.ticket, by=approver, dead_at=None).exists():
            raise errors.SamePerson
        check_confirmed(work)
        Approval.objects.create(ticket=work.ticket, by=approver, reason=text, given_at=work.now)
        return save(work, Tag.ACCOUNT_RECOVERY_APPROVE, reason=text)


def _check_approver(work: Work) -> User:
    actor, rule = work.actor, policy.row(work.case(), cases.numbers())
    if RESET not in actor.rights or actor.user is None:
        raise errors.NotAllowed
    if rule.people < 2:
        raise errors.ApprovalNotNeeded
    if rule.superuser and not actor.user.is_superuser:
        raise errors.SuperuserNeeded
    check_full_staff(actor, work.now)
    return actor.user


def check_presser(work: Work, rule: policy.Row) -> None:
    """Where two people decide, the presser is neither the approver nor who asked for the exception.

    Raises TooNew, SamePerson and ApprovalMissing.
    """
    presser = work.actor.user
    if presser is None or rule.people < 2:
        return
    check_full_staff(work.actor, work.now)
    if presser.pk in boundary_exceptions.asked_by(work.ticket):
        raise errors.SamePerson
    given = [approval.by for approval in cases.live_approvals(work.ticket).select_related("by")]
    if any(cases.could_approve(by, work.ticket) for by in given if by.pk != presser.pk):
        return
    raise errors.SamePerson if presser.pk in {by.pk for by in given} else errors.ApprovalMissing
