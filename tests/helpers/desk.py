"""What staff do in their browser: click a button of the page as it is now, and show a second factor where asked."""

from typing import Any

from django.test import Client

from accounts.devices import TotpDevice
from accounts.models import User
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.workflow import seen_pages
from tests.helpers import factories
from tests.helpers.signing_in import code_of

QUEUE = "/admin/recovery/recoveryticket/"
DECIDE = "/account/step-up/"


def decide(client: Client, path: str, form: dict[str, Any], *, follow: bool = False) -> Any:
    """Post a form; where the answer asks for a second factor, show it."""
    answer = client.post(path, form)
    if not asks_for_factor(answer):
        return client.get(answer["Location"], follow=True) if follow and answer.status_code == 302 else answer
    return client.post(answer["Location"], {"code": fresh_code(client)}, follow=follow)


def asks_for_factor(answer: Any) -> bool:
    """Whether the answer leads to the page of one decision."""
    where = str(answer.headers.get("Location", ""))
    return where.startswith(DECIDE) and where.split("?")[0] != DECIDE


def fresh_code(client: Client) -> str:
    """What the app of whoever is signed in shows, thirty seconds after its last code was used."""
    devices = TotpDevice.objects.filter(user=client.session["_auth_user_id"], confirmed=True)
    devices.update(last_step=-1)
    return code_of(devices.earliest("id"))


def hidden(ticket: RecoveryTicket) -> dict[str, str]:
    """The hidden fields of every form on a page of the ticket that is shown now."""
    seen = seen_pages.seen_of_ticket(RecoveryTicket.objects.get(pk=ticket.pk))
    return {"version": str(seen.version), "seen": str(seen.event)}


def push(client: Client, ticket: RecoveryTicket, verb: str, typed: dict[str, Any] | None = None, **how: Any) -> Any:
    """Click a button of the ticket page; where it decides, show the second factor too. `typed` wins over the page."""
    return decide(client, button(ticket, verb), hidden(ticket) | (typed or {}), **how)


def browser(user: User) -> Client:
    """A browser in which this member of staff has just shown a second factor."""
    secret = factories.add_totp(user)[1]
    client = Client()
    client.post("/account/login/", {"login": user.username, "password": factories.PASSWORD})
    client.post("/account/second-factor/", {"code": factories.code(secret)})
    client.get("/account/security/")  # which says, once, that the sign-in worked
    return client


def page(ticket: RecoveryTicket) -> str:
    return f"{QUEUE}{ticket.pk}/change/"


def button(ticket: RecoveryTicket, verb: str) -> str:
    return f"{QUEUE}{ticket.pk}/press/{verb}/"


def fields_of(shown: Any) -> dict[str, str]:
    """The hidden fields of a preview's form to send it."""
    seen = shown.context["seen"]
    return {"version": str(seen.version), "seen": str(seen.event), "previewed": shown.context["previewed"]}
