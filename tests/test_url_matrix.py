"""Who gets what at every address: the whole URL list × methods × roles against a reviewed table.

`tests/data/url_matrix.tsv` has one line per address, made from the resolver: the route, then for each method one word
per role (visitor, member, moderator, admin, superuser). An address without a line fails, and so does a line that no
longer holds. After adding or changing an address, run

    THOROUGH=1 UPDATE_URL_MATRIX=1 .venv/bin/python -m pytest tests/test_url_matrix.py

and read the difference before committing it: every `ok` is something that role may open. (The fast tier looks for a
line for each address, and holds some lines against the answers.)

ok 200 · in: to the sign-in or step-up page · go: redirected elsewhere · no 403 · - 404 · not 405 · bad 400 · … else
the status itself.
"""

import os
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.urls.resolvers import RegexPattern

from accounts.devices import TotpDevice
from accounts.models import User
from recoverydesk.recovery.background import heartbeat
from recoverydesk.upload import sessionless
from tests.accounts.conftest import code_of
from tests.example import ROOT
from tests.factories import PASSWORD, add_totp, make_user
from tests.tiers import THOROUGH, spread

TABLE = ROOT / "tests" / "data" / "url_matrix.tsv"
METHODS = ("GET", "POST", "DELETE")
ROLES: dict[str, dict[str, Any]] = {
    "visitor": {},
    "member": {},
    "moderator": {"staff": True, "groups": ["Moderators"]},
    "admin": {"staff": True, "groups": ["Admins"]},
    "superuser": {"superuser": True},
}
WORDS = {200: "ok", 403: "no", 404: "-", 405: "not", 400: "bad"}
NOBODY = "999999999"
SAMPLES = {"uuid": str(UUID(int=1)), "int": NOBODY, "slug": "sample", "str": "sample", "path": NOBODY}
HEAD = "route\t" + "\t".join(f"{method} {' '.join(ROLES)}" for method in METHODS)


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


def word(response: Any) -> str:
    if response.status_code in (301, 302):
        where = response["Location"]
        return "in" if "/login/" in where or "/step-up/" in where or "/reauthenticate/" in where else "go"
    return WORDS.get(response.status_code, str(response.status_code))


@pytest.fixture
def browsers(db: None, settings: Any) -> dict[str, dict[str, str]]:
    """For each role the cookies of a browser in which it has just shown a second factor."""
    heartbeat.beat()  # else /readyz is not
    settings.ACCOUNT_RATE_LIMITS = {}
    return {role: _cookies(role, options) for role, options in ROLES.items()}


def _cookies(role: str, options: dict[str, Any]) -> dict[str, str]:
    client = Client()
    if role != "visitor":
        device, _secret = add_totp(make_user(role, **options))
        client.post("/account/login/", {"login": role, "password": PASSWORD})
        client.post("/account/second-factor/", {"code": code_of(device)})
        assert "_auth_user_id" in client.session
    return {name: morsel.value for name, morsel in client.cookies.items()}


CLIENT = Client(raise_request_exception=False)


def knows_no_session(path: str) -> bool:
    """The package index is the same for everybody: it is answered before there is a session."""
    return path.startswith(sessionless.PREFIX) and resolve(path).view_name in sessionless.VIEWS


def answer(cookies: dict[str, str], method: str, path: str) -> str:
    """What this browser gets, never to be kept when it has a session; whatever the request did is undone."""
    client = CLIENT  # one for all: making one loads every middleware
    client.cookies = SimpleCookie(cookies)
    with transaction.atomic():
        response = client.generic(method, path)
        transaction.set_rollback(True)
    kept = settings.SESSION_COOKIE_NAME in cookies and "no-store" not in response.headers.get("Cache-Control", "")
    assert not kept or knows_no_session(path), f"{method} {path} of a signed-in visitor may be kept"
    return word(response)


def line(route: str, browsers: dict[str, dict[str, str]]) -> str:
    path = sample(route)
    cells = (" ".join(answer(cookies, method, path) for cookies in browsers.values()) for method in METHODS)
    return "\t".join([route, *cells])


def test_every_address_answers_every_role_as_the_reviewed_table_says(browsers: dict[str, dict[str, str]]) -> None:
    assert User.objects.count() == len(ROLES) - 1
    every = list(dict.fromkeys(routes(get_resolver())))
    made = [line(route, browsers) for route in spread(every, 12)]
    if os.environ.get("UPDATE_URL_MATRIX"):
        TABLE.write_text("\n".join([HEAD, *made]) + "\n")
    listed = TABLE.read_text().splitlines()
    assert listed[0] == HEAD
    unlisted = [one for one in made if one not in listed]
    gone = [one for one in listed[1:] if one not in made and (THOROUGH or one.split("\t")[0] not in every)]
    assert not unlisted, "review and add these lines (see the top of this file):\n" + "\n".join(unlisted)
    assert not gone, "these lines hold no longer:\n" + "\n".join(gone)
    assert [one.split("\t")[0] for one in listed[1:]] == every


def test_nothing_breaks_and_nobody_below_staff_sees_the_desk() -> None:
    for one in TABLE.read_text().splitlines()[1:]:
        route, *cells = one.split("\t")
        assert not re.search(r"\b5\d\d\b", one), one
        for cell in cells:
            words = dict(zip(ROLES, cell.split(), strict=True))
            if route.startswith("admin/"):
                assert {words["visitor"], words["member"]} <= {"in", "no", "go", "-", "not"}, one
