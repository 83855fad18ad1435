"""A walk over every address of the site: a path for each route, and each form on its page sent."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urldefrag, urljoin
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

from accounts import second_factors
from accounts.devices import TotpDevice
from accounts.mail import links
from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.files import ROOT
from tests.helpers.forms import Form
from tests.helpers.tickets import (
    DAY,
    add_boundary,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
)
from tokens import services as tokens

TABLE = ROOT / "tests" / "data" / "url_matrix.tsv"
NOBODY = "999999999"
SAMPLES = {"uuid": str(UUID(int=1)), "int": NOBODY, "slug": "sample", "str": "sample", "path": NOBODY}


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every route of the resolver, in its order."""
    for one in resolver.url_patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one, here)
        elif isinstance(one, URLPattern):
            yield here if not isinstance(one.pattern, RegexPattern) else f"{before}~{one.pattern}"


def sample(route: str) -> str:
    """A path this route answers: the member's account and device where one is meant, else something that is not
    there."""
    member = User.objects.get(username="member")
    if route.startswith("admin/accounts/user/"):
        route = re.sub(r"<(int:pk|path:object_id)>", str(member.pk), route)
    route = route.replace("(?P<device_id>[0-9]{1,18})", str(TotpDevice.objects.get(user=member).pk))
    path = re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES.get(found[1] or "str", "sample"), route.partition("~")[0])
    for piece in re.findall(r"~(.*)", route):
        piece = re.sub(r"\(\?P<kind>app\|key\)", "app", piece.lstrip("^"))
        piece = re.sub(r"\(\?P<url>[^)]*\)", "nowhere/", piece)
        piece = re.sub(r"\(\?P<app_label>[^)]*\)", "accounts", piece)
        path += re.sub(r"\(\?P<\w+>[^)]*\)", "1", piece)
    return "/" + re.sub(r"[\^$\\]|\\Z", "", path)


CLIENT = Client(raise_request_exception=False)


# What a person types into a field of that name; all else is sent as the page filled it in.
TYPED = {
    "name": "a name", "username": "somebody", "email": "new@example.org", "login": "ada", "reason": "looked at it all",
    "password": factories.PASSWORD, "oldpassword": factories.PASSWORD, "password1": "another long phrase 7",
    "password2": "another long phrase 7", "again": "another long phrase 7", "body": "Hello", "text": "a note of mine",
    "codes": "lost", "claim": "second_factor", "scope": "account", "days": "90", "code": "000000", "kind": "password",
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


class Walk:
    """Opens pages and sends forms with one visitor's cookies; everything a request did is undone."""

    def __init__(self, cookies: dict[str, str]) -> None:
        self.cookies = cookies
        self.redirected: dict[str, set[str]] = {}
        self.wrong: list[str] = []

    def page(self, path: str) -> str:
        answer = self.ask("get", path)
        html = "text/html" in answer.headers.get("Content-Type", "") and not answer.streaming
        return answer.content.decode() if html and answer.status_code == 200 else ""

    def send(self, page: str, form: Form) -> None:
        action = urldefrag(urljoin(page, form.action)).url or page
        for given in form.variants():
            typed = {name: TYPED.get(name, value) for name, value in given.items()}
            changed: set[str] = set()
            answer = self.ask("post", action, typed, changed)
            what = f"{page} {sorted(given)}: {answer.status_code}"
            if 300 <= answer.status_code < 400:
                self.redirected.setdefault(action, set()).add(answer["Location"])
            elif answer.status_code >= 500 or changed - MAY_CHANGE:
                self.wrong.append(f"{what} changed {changed - MAY_CHANGE}")

    def ask(self, method: str, path: str, data: Any = None, changed: set[str] | None = None) -> Any:
        """The answer to one request; `changed` takes the tables it wrote to."""

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
    second_factors.make_codes(ada, actor=ada)
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    add_boundary(make_ticket(bob))
    make_ticket(factories.make_user("cy"), Status.COMPLETED, completed_at=database_now() - DAY)
    make_ticket(factories.make_user("di"), claim=Claim.EMAIL, contact="new@example.com")
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
