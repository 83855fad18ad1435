"""What the reader of a ticket's page may do about its next step: the verbs' own checks, asked before any button."""

from collections.abc import Callable
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recoverydesk.recovery import errors, policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import BoundaryException, RecoveryTicket
from recoverydesk.recovery.permissions import WORK_TICKETS, Actor
from recoverydesk.recovery.workflow.approvals import check_approver, check_resetting_admin
from recoverydesk.recovery.workflow.checks import check_full_staff
from recoverydesk.recovery.workflow.objections import check_judge
from recoverydesk.recovery.workflow.resets import may_reset

Check = Callable[[RecoveryTicket, policy.Case, Actor, datetime], object]
OTHERS: dict[type[errors.RecoveryError], str | Promise] = {
    errors.NotAllowed: gettext_lazy("An admin decides here. You can write notes, reply, or work on what is missing."),
    errors.SamePerson: gettext_lazy("Two people decide, and you are one of them already: somebody else does this."),
    errors.OwnReset: gettext_lazy("You approved this reset or did it. So another admin has to close the objection."),
}


def why_not(ticket: RecoveryTicket, case: policy.Case, step: policy.Step, actor: Actor, now: datetime) -> str:
    """Why this reader cannot take the next step, and who can; "" where they can, or nobody has to."""
    check = _check_objection if case.objected else CHECKS.get(step)
    if check is None:
        return ""
    if WORK_TICKETS not in actor.rights:
        return _("You can read this ticket. Moderators and admins work on it.")
    try:
        check(ticket, case, actor, now)
    except errors.RecoveryError as refusal:
        return str(OTHERS.get(type(refusal), refusal))
    return ""


def _check_objection(ticket: RecoveryTicket, case: policy.Case, actor: Actor, now: datetime) -> None:  # noqa: ARG001
    check_judge(ticket, actor, now)


def _check_reset(ticket: RecoveryTicket, case: policy.Case, actor: Actor, now: datetime) -> None:
    if not may_reset(actor, case):
        raise errors.NotAllowed
    check_resetting_admin(ticket, policy.people(case, cases.numbers()), actor, now)


def _check_exception(ticket: RecoveryTicket, case: policy.Case, actor: Actor, now: datetime) -> None:  # noqa: ARG001
    """One that somebody else asked for: whoever asked does not decide."""
    asked = BoundaryException.objects.filter(boundary__ticket=ticket, boundary__proved_at=None, approved=None)
    if not asked.exclude(asked_by=actor.user).exists():
        raise errors.SamePerson
    check_full_staff(actor, now)


CHECKS: dict[policy.Step, Check] = {
    policy.Step.CHALLENGE: lambda *_given: None,
    policy.Step.PROBE: lambda *_given: None,
    policy.Step.OUT_OF_REACH: lambda *_given: None,
    policy.Step.APPROVE: check_approver,
    policy.Step.RESET: _check_reset,
    policy.Step.APPROVE_EXCEPTION: _check_exception,
}
