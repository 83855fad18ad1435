"""For each button that decides: a ticket on which it does, and the words of the decision."""

from collections.abc import Callable
from typing import Any

from django.db.models.functions import Now

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from tests.helpers import decided
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_boundary,
    make_admin,
    make_moderator,
    make_ticket,
)

Scene = Callable[[User], tuple[RecoveryTicket, dict[str, Any]]]


def ready_ticket(ada: User) -> tuple[RecoveryTicket, dict[str, Any]]:
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket, {}


def disputed_ticket(ada: User) -> tuple[RecoveryTicket, dict[str, Any]]:
    return make_ticket(ada, Status.READY, disputed_at=database_now() - 9 * DAY), {"username": "ada"}


def lacking(ada: User) -> tuple[RecoveryTicket, dict[str, Any]]:
    ticket = make_ticket(ada)
    return ticket, {"boundary": add_boundary(ticket).pk, "other_proof": "archived"}


def asked(ada: User) -> tuple[RecoveryTicket, dict[str, Any]]:
    ticket, form = lacking(ada)
    given = {"boundary_id": form["boundary"], "other_proof": "archived", "reason": REASON}
    decided.ask_exception(ticket.pk, actor=staff(make_moderator("asker")), **given)
    return ticket, form


def objected(ada: User) -> tuple[RecoveryTicket, dict[str, Any]]:
    ticket = make_ticket(ada, Status.COMPLETED, reset_by=make_admin("resetting"))
    RecoveryTicket.objects.filter(pk=ticket.pk).update(objected_at=Now())
    return ticket, {"outcome": "right"}


SCENES: dict[str, tuple[Scene, str]] = {
    "reset": (ready_ticket, "Reset the second factors of ada."),
    "approve": (disputed_ticket, "Approve: another person may reset the second factors of ada."),
    "ask_exception": (lacking, "Ask to let ada back in without a proof for git.example/ada."),
    "approve_exception": (asked, "Let ada back in without a proof for git.example/ada."),
    "decline_exception": (asked, "Decline the exception: ada has to prove git.example/ada."),
    "settle_objection": (objected, "Close the objection to the reset of ada."),
}
