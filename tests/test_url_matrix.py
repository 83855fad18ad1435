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
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, resolve

from accounts.models import User
from recoverydesk.recovery.background import heartbeat
from recoverydesk.upload import sessionless
from tests.helpers.factories import PASSWORD, add_totp, make_user
from tests.helpers.signing_in import code_of
from tests.helpers.walk import TABLE, routes, sample
from tests.tiers import THOROUGH, spread

METHODS = ("GET", "POST", "DELETE")
ROLES: dict[str, dict[str, Any]] = {
    "visitor": {},
    "member": {},
    "moderator": {"staff": True, "groups": ["Moderators"]},
    "admin": {"staff": True, "groups": ["Admins"]},
    "superuser": {"superuser": True},
}
WORDS = {200: "ok", 403: "no", 404: "-", 405: "not", 400: "bad"}
HEAD = "route\t" + "\t".join(f"{method} {' '.join(ROLES)}" for method in METHODS)


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
    return path.startswith(sessionless.PREFIXES) and resolve(path).view_name in sessionless.VIEWS


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
    made = [line(route, browsers) for route in spread(every, 7)]
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
