"""The verbs that decide, called by somebody who has just shown a second factor for this very decision."""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib.auth.models import Group

from accounts import services, staff_rights
from accounts.decisions import Confirmation
from accounts.models import User
from recoverydesk.recovery import workflow
from recoverydesk.recovery.models import Boundary, Judgement, RecoveryTicket
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.workflow import seen_pages, staff_decisions
from recoverydesk.recovery.workflow.table import Verb


def confirmed(actor: Actor, verb: str, ticket_id: int, part: str = "") -> dict[str, Any]:
    """The actor with the factor shown for this, and the page they saw: the ticket as it is now."""
    seen = seen_pages.seen_of_ticket(RecoveryTicket.objects.get(pk=ticket_id))
    if actor.user is None:
        return {"actor": actor, "seen": seen}
    decision = staff_decisions.decision(verb, ticket_id, seen, part)
    return {"actor": replace(actor, confirmed=Confirmation(decision, actor.user.pk, time.time())), "seen": seen}


def reset(ticket_id: int, *, actor: Actor, **given: Any) -> workflow.Outcome:
    return workflow.reset(ticket_id, **confirmed(actor, Verb.RESET, ticket_id) | given)


def approve(ticket_id: int, *, actor: Actor, **given: Any) -> RecoveryTicket:
    return workflow.approve(ticket_id, **confirmed(actor, Verb.APPROVE, ticket_id) | given)


def settle_objection(ticket_id: int, *, actor: Actor, **given: Any) -> RecoveryTicket:
    found = {"outcome": Judgement.UNCLEAR} | given
    return workflow.settle_objection(ticket_id, **confirmed(actor, Verb.SETTLE_OBJECTION, ticket_id) | found)


def ask_exception(ticket_id: int, *, actor: Actor, boundary_id: int, **given: Any) -> RecoveryTicket:
    sure = confirmed(actor, Verb.ASK_EXCEPTION, ticket_id, _place(boundary_id))
    return workflow.ask_exception(ticket_id, boundary_id=boundary_id, **sure | given)


def approve_exception(ticket_id: int, *, actor: Actor, boundary_id: int, **given: Any) -> RecoveryTicket:
    sure = confirmed(actor, Verb.APPROVE_EXCEPTION, ticket_id, _place(boundary_id))
    return workflow.approve_exception(ticket_id, boundary_id=boundary_id, **sure | given)


def decline_exception(ticket_id: int, *, actor: Actor, boundary_id: int, **given: Any) -> RecoveryTicket:
    sure = confirmed(actor, Verb.DECLINE_EXCEPTION, ticket_id, _place(boundary_id))
    return workflow.decline_exception(ticket_id, boundary_id=boundary_id, **sure | given)


def _place(boundary_id: int) -> str:
    boundary = Boundary.objects.filter(pk=boundary_id).first()
    return str(boundary) if boundary else ""


def set_staff(user: User, *, is_staff: bool, is_superuser: bool, groups: Iterable[Group], actor: User) -> None:
    """Give these rights, with a second factor shown for just that."""
    kept = list(groups) if is_staff or is_superuser else []
    rights = staff_rights.described(is_staff=is_staff or is_superuser, is_superuser=is_superuser, groups=kept)
    shown = Confirmation(staff_rights.decision(user, rights), actor.pk, time.time())
    wanted: dict[str, Any] = {"is_staff": is_staff, "is_superuser": is_superuser, "groups": groups}
    services.set_staff(user, **wanted, actor=actor, confirmed=shown)
