"""Every mailed address opens, whatever a mail program has glued to its end; walked over all routes with a key."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import password_reset
from accounts.mail import glued, links, outbox
from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers.factories import make_user
from tests.helpers.tickets import make_ticket

pytestmark = pytest.mark.django_db
GLUE = [
    ".", ",", ")", ">", "%3E", ";", ":", "!", "?)", "'", '"', "]", "}", "*", "…", "»", "”", "\u00a0", "%C2%A0", "%20",
    ").", ">.", '",', "&gt;", "&gt", "=3E", "%253E", "%0A",
]  # fmt: skip
NO_SECRETS = {
    "app_label", "content_type_id", "device_id", "filename", "kind", "mail_id", "name", "number", "object_id", "pk",
    "token_id",
    "uid", "uidb36", "url", "verb", "version",
}  # fmt: skip


def routes(resolver: URLResolver, arguments: frozenset[str] = frozenset()) -> Iterator[tuple[str, frozenset[str]]]:
    """Every address: its name and what its arguments are called."""
    for one in resolver.url_patterns:
        pattern = one.pattern
        here = arguments | set(getattr(pattern, "converters", {})) | set(pattern.regex.groupindex)
        if isinstance(one, URLResolver):
            yield from routes(one, here)
        elif isinstance(one, URLPattern):
            yield one.name or "", here


ROUTES = list(routes(get_resolver()))
KEYED = sorted({name for name, arguments in ROUTES if "key" in arguments})


def test_what_opens_something_is_called_key() -> None:
    """An argument of another name is mended by nobody: add it to NO_SECRETS only if no mail carries it."""
    assert {argument for _name, arguments in ROUTES for argument in arguments} - NO_SECRETS == {"key"}
    assert set(links.LINK_PATHS.values()) < set(KEYED)


def address(name: str) -> str:
    """Some address of that name; its key has the shape of ours and opens nothing."""
    more = {"uidb36": "1"} if any(route == name and "uidb36" in rest for route, rest in ROUTES) else {}
    return reverse(name, kwargs={"key": f"12.{'Ab-_' * 10}Abc", **more})


@pytest.mark.parametrize("name", KEYED)
def test_whatever_is_glued_to_a_key_is_left_out(name: str) -> None:
    mailed = address(name)
    assert glued.mended(mailed) == ""
    for glue in GLUE:
        for path in (mailed + glue, mailed[:-1] + glue, mailed[:-1] + glue + "/"):
            assert glued.mended(unquote(path)) == mailed, path


@pytest.mark.parametrize(
    "path", ["/account/login/.", "/simple/.", "/nowhere/12.abc).", "/admin/login/)", "//evil.example/12.a.", ")" * 9000]
)
def test_no_other_address_is_touched(path: str) -> None:
    assert glued.mended(path) == ""


@pytest.fixture
def ticket(ada: User) -> RecoveryTicket:
    return make_ticket(ada)


def of_ticket(purpose: str) -> Callable[[RecoveryTicket], str]:
    def mailed(ticket: RecoveryTicket) -> str:
        if purpose == "choose_password":
            ticket = make_ticket(make_user("lea"), Status.COMPLETED)
        link = links.make_link(
            purpose, ticket.contact, lifetime=timedelta(hours=1), user=ticket.subject, reference=ticket.reference
        )
        return links.url(link)

    return mailed


def mailed_url(kind: str, part: str) -> str:
    text = outbox.render(Mail.objects.get(kind=kind)).text
    return str(next(url for url in re.findall(r"http\S+", text) if part in url))


def confirming(ticket: RecoveryTicket) -> str:
    """What signing up mails."""
    typed = {"username": "kim", "email": "kim@example.org", "password1": "violet tractor behind seven"}
    Client().post("/account/signup/", {**typed, "password2": typed["password1"]})
    return mailed_url("email_confirmation_signup", "/confirm-email/")


def resetting(ticket: RecoveryTicket) -> str:
    """What "Forgot your password?" mails."""
    password_reset.mail_key(ticket.subject, "ada@example.org")
    return mailed_url("password_reset_key", "/reset/key/")


MAILED: dict[str, Callable[[RecoveryTicket], str]] = {
    **{purpose: of_ticket(purpose) for purpose in links.LINK_PATHS},
    "address": confirming,
    "password": resetting,
}


@pytest.mark.parametrize("what", MAILED)
def test_a_mailed_link_opens_with_something_glued_to_it(ticket: RecoveryTicket, what: str) -> None:
    url = MAILED[what](ticket)
    assert url.startswith("http://localhost:8000/")
    path = url.removeprefix("http://localhost:8000")
    assert ":" not in path
    whole = Client().get(path, follow=True)
    assert whole.status_code == 200
    for end in (".", ")", "%3E", "%C2%A0"):
        opened = Client().get(path.removesuffix("/") + end, follow=True)
        assert opened.status_code == 200
        assert opened.templates[0].name == whole.templates[0].name
        first = Client().get(path + end)
        assert (first.status_code, first["Location"], first["Cache-Control"]) == (302, path, "no-store, private")


def test_an_address_is_verified_by_the_mailed_link_and_by_one_mailed_before_it_lost_its_colons(
    ticket: RecoveryTicket,
) -> None:
    for spelling in (str, lambda path: path.replace(".", ":")):
        path = confirming(ticket).removeprefix("http://localhost:8000")
        kim = User.objects.get(username="kim").emailaddress_set.get()
        page = Client().get(spelling(path))
        assert "kim@example.org" in page.content.decode()
        Client().post(spelling(path))
        kim.refresh_from_db()
        assert kim.verified
        kim.user.delete()
        Mail.objects.filter(kind="email_confirmation_signup").delete()
