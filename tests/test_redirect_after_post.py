"""Reloading a page repeats nothing: every form of the site, sent as a browser sends it, is answered by a redirect.

The walk opens every page of the URL list as everybody who may, and sends each form it finds there with each of its
buttons. Whatever answers otherwise (a form shown again with what is wrong) must not have changed anything. A new
form is walked by itself. (The fast tier opens some pages.)
"""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver

from accounts import second_factors
from accounts.mail import links
from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from tests import factories
from tests.forms_on_pages import Form, forms_of
from tests.recovery.builders import (
    DAY,
    add_boundary,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
)
from tests.test_url_matrix import NOBODY, routes, sample
from tests.tiers import THOROUGH, spread
from tokens import services as tokens

pytestmark = pytest.mark.django_db
CLIENT = Client(raise_request_exception=False)
# What a person types into a field of that name; all else is sent as the page filled it in.
TYPED = {
    "name": "a name", "username": "somebody", "email": "new@example.org", "login": "ada", "reason": "looked at it all",
    "password": factories.PASSWORD, "oldpassword": factories.PASSWORD, "password1": "another long phrase 7",
    "password2": "another long phrase 7", "again": "another long phrase 7", "body": "Hello", "text": "a note of mine",
    "codes": "lost", "claim": "second_factor", "scope": "", "days": "90", "code": "000000", "kind": "password",
    "secret": factories.PASSWORD, "is_staff": "on", "url": "https://git.example/ada/tool",
}  # fmt: skip
# Tables that a refused try may write to: counters, the log, the session of the visitor.
MAY_CHANGE = {
    "accounts_totpdevice",
    "accounts_factorfailures",
    "accounts_session",
    "recovery_viewer",
    "audit_event",
    "audit_eventdetail",
    "cache",
    "accounts_browser",
    "accounts_wrongfactor",
}
WRITE = re.compile(r'\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
NO_PAGES = ("/admin/logout/", "/account/logout/")  # they end the walk's own session; both answer by a redirect
# A preview changes nothing but what its own button then sends.
MUST_REDIRECT = {
    "/account/tokens/new/": "/account/tokens/new/made/",
    "/account/security/codes/": "/account/security/codes/new/",
    "/recover/": "/recover/received/",
}


class Walk:
    """Opens pages and sends forms with one visitor's cookies; everything a request did is undone."""

    def __init__(self, cookies: dict[str, str]) -> None:
        self.cookies = cookies
        self.redirected: dict[str, set[str]] = {}
        self.wrong: list[str] = []

    def page(self, path: str) -> str:
        answer = self._ask("get", path)
        html = "text/html" in answer.headers.get("Content-Type", "") and not answer.streaming
        return answer.content.decode() if html and answer.status_code == 200 else ""

    def send(self, page: str, form: Form) -> None:
        action = urldefrag(urljoin(page, form.action)).url or page
        for given in form.variants():
            typed = {name: TYPED.get(name, value) for name, value in given.items()}
            changed: set[str] = set()
            answer = self._ask("post", action, typed, changed)
            what = f"{page} {sorted(given)}: {answer.status_code}"
            if 300 <= answer.status_code < 400:
                self.redirected.setdefault(action, set()).add(answer["Location"])
            elif answer.status_code >= 500 or changed - MAY_CHANGE:
                self.wrong.append(f"{what} changed {changed - MAY_CHANGE}")

    def _ask(self, method: str, path: str, data: Any = None, changed: set[str] | None = None) -> Any:
        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if changed is not None and (found := WRITE.match(sql)):
                changed.add(found[1])
            return execute(sql, params, many, context)

        CLIENT.cookies = SimpleCookie(self.cookies)
        with transaction.atomic(), connection.execute_wrapper(note):
            answer = getattr(CLIENT, method)(path, data)
            transaction.set_rollback(True)
        return answer


def signed_in(user: User) -> dict[str, str]:
    """The cookies of a browser in which the user has just shown a second factor."""
    _device, secret = factories.add_totp(user)
    client = Client()
    client.post("/account/login/", {"login": user.username, "password": factories.PASSWORD})
    client.post("/account/second-factor/", {"code": factories.code(secret)})
    assert "_auth_user_id" in client.session
    return {name: morsel.value for name, morsel in client.cookies.items()}


@pytest.fixture
def world(settings: Any) -> dict[str, dict[str, str]]:
    """Somebody in every situation that has a page, and their cookies."""
    settings.ACCOUNT_RATE_LIMITS = {}
    ada, bob = factories.make_user("ada"), factories.make_user("bob")
    project = factories.make_project("tool", ada, urls=[("Source", "https://git.example/ada/tool")])
    factories.add_role(project, bob)
    people = {"visitor": {}, "ada": signed_in(ada), "bob": signed_in(bob)}
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    add_boundary(make_ticket(bob))
    make_ticket(factories.make_user("cy"), Status.COMPLETED, completed_at=database_now() - DAY)
    make_ticket(factories.make_user("di"), claim=Claim.EMAIL, contact="new@example.com")
    second_factors.make_codes(ada, actor=ada)
    tokens.mint(ada, name="old", lifetime=DAY)
    for staff in (make_moderator("mod"), make_admin("chief"), make_root("root")):
        people[staff.username] = signed_in(staff)
    return people


def mailed_pages() -> Iterator[str]:
    """The pages behind mailed keys, for tickets in every state."""
    for ticket in RecoveryTicket.objects.all():
        purposes = ["confirm_contact" if ticket.claim == Claim.EMAIL else "status", "stop"]
        purposes += ["choose_password"] if ticket.status == Status.COMPLETED else []
        for purpose in purposes:
            link = links.make_link(
                purpose, ticket.contact, lifetime=DAY, user=ticket.subject, reference=ticket.reference
            )  # fmt: skip
            yield links.url(link).removeprefix("http://localhost:8000")


def pages() -> Iterator[str]:
    """Every address, with ids of rows that are there."""
    ticket, user = RecoveryTicket.objects.filter(status=Status.READY).get(), User.objects.get(username="ada")
    token = user.api_tokens.get()
    for route in dict.fromkeys(routes(get_resolver())):
        path = sample(route).replace("00000000-0000-0000-0000-000000000001", str(token.pk))
        yield path.replace(NOBODY, str(user.pk if "/account/" in path else ticket.pk))
    yield from mailed_pages()


def test_every_form_of_the_site_is_answered_by_a_redirect_or_changes_nothing(world: dict[str, dict[str, str]]) -> None:
    factories.make_user("member")  # whom `sample` needs
    factories.add_totp(User.objects.get(username="member"))
    addresses = spread(pages(), 15)
    redirected: dict[str, set[str]] = {}
    for cookies in world.values():
        walk = Walk(cookies)
        for page in addresses:
            for form in forms_of(walk.page(page)):
                if form.method == "post" and urljoin(page, form.action) not in NO_PAGES:
                    walk.send(page, form)
        assert "\n".join(walk.wrong) == ""
        for action, where in walk.redirected.items():
            redirected.setdefault(action, set()).update(where)
    if not THOROUGH:
        return
    assert len(redirected) > 35
    assert {action: where for action, where in MUST_REDIRECT.items() if where not in redirected[action]} == {}
