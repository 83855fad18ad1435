"""INDEX_PRIVATE: no visitor learns from any address what is published, and a token or a session opens all of it."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects.models import File, Project, Release
from recoverydesk.staging.models import StagedRelease
from tests.helpers import factories, packages
from tests.helpers.desk import browser
from tests.helpers.packages import Send, sdist, sdist_name, wheel, wheel_name
from tests.helpers.production import PRODUCTION, start
from tests.helpers.tokens import attenuate, basic, mint
from tests.helpers.walk import routes
from tokens import caveats, services
from tokens.models import ApiToken

SECRETS = ("hushhush", "7.4.1", "7.4.2", "sealed orders")
NOBODY = "00000000-0000-0000-0000-000000000009"
CHANCE = re.compile(r"\b[A-Za-z0-9]{16,}\b|Content-Length': '\d+'|expires=[^;]+GMT|request-\w+")
READS = ["/simple/", "/simple/hushhush/", "/simple/hushhush/{file}", "/simple/hushhush/{file}.metadata",
         "/pypi/hushhush/json", "/pypi/hushhush/7.4.1/json", "/projects/hushhush/"]  # fmt: skip


@pytest.fixture
def published(send: Send) -> str:
    """The file name of a project that nobody outside may know of; another version of it is staged."""
    name = wheel_name("hushhush", "7.4.1")
    about = packages.metadata_of("hushhush", "7.4.1").replace(b"made for a test", b"sealed orders")
    sent = send(name, wheel("hushhush", "7.4.1", metadata=about), of=("hushhush", "7.4.1"), summary="sealed orders")
    assert sent.status_code == 200, sent.content
    Project.objects.update(guards={"two_step": "on"})
    later = sdist_name("hushhush", "7.4.2")
    sent = send(later, sdist("hushhush", "7.4.2"), of=("hushhush", "7.4.2"))
    assert sent.status_code == 200, sent.content
    return name


@pytest.fixture
def private(settings: Any) -> None:
    settings.INDEX_PRIVATE = True


def paths(name: str, version: str, filename: str, uid: str) -> Iterator[tuple[str, str]]:
    """Every address of the site that names something, filled in with these; and those that name nothing."""
    kinds = {"str:name": name, "str:version": version, "path:version": version, "str:filename": filename}
    for route in dict.fromkeys(routes(get_resolver())):
        if not route.startswith(("admin/", "account/~")) and "~" not in route:
            filled = re.sub(r"<([^>]+)>", lambda found: kinds.get(found[1], uid if "uuid" in found[1] else "1"), route)
            yield route, f"/{filled}"


def told(path: str, method: str = "get", **headers: str) -> tuple[int, str]:
    """What somebody without a session and a token reads there, in headers and body."""
    answer = getattr(Client(raise_request_exception=False), method)(path, headers=headers)
    body = b"".join(answer) if answer.streaming else answer.content
    heads = {key: value for key, value in answer.headers.items() if key not in ("Content-Security-Policy", "Expires")}
    return answer.status_code, f"{heads} {body.decode('latin-1')}"


def gives_away(published: str) -> set[str]:
    staged = str(StagedRelease.objects.get().uid)
    found = set()
    for route, path in paths("hushhush", "7.4.1", published, staged):
        said = told(path)[1].replace(path, "")
        if any(secret in said for secret in SECRETS) or File.objects.get().sha256 in said:
            found.add(route)
    return found


def test_no_address_of_a_private_site_gives_anything_away(published: str, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    public = {"simple/", "simple/<str:name>/", "pypi/<str:name>/json", "pypi/<str:name>/<str:version>/json",
              "projects/<str:name>/", "simple/<str:name>/<str:filename>"}  # fmt: skip
    assert gives_away(published) >= public  # the walk finds what there is to find
    settings.INDEX_PRIVATE = True
    assert gives_away(published) == set()


@pytest.mark.thorough
def test_no_address_of_a_private_site_tells_a_project_from_none(published: str, private: None, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    staged = str(StagedRelease.objects.get().uid)
    there = list(paths("hushhush", "7.4.1", published, staged))
    none = list(paths("histhist", "7.4.9", published.replace("hush", "hist"), NOBODY))
    differ = []
    for (route, path), (_route, other) in zip(there, none, strict=True):
        for method in ("get", "post", "head"):
            answers = []
            for where in (path, other):
                status, said = told(where, method)
                said = said.replace(where, "").replace(where[1:], "").replace(NOBODY, staged)
                answers.append((status, CHANCE.sub("", said.replace("histhist", "hushhush").replace("7.4.9", "7.4.1"))))
            if answers[0] != answers[1]:
                differ.append((method, route))
    assert not differ


@pytest.mark.parametrize("path", READS)
def test_a_token_and_a_session_read_what_a_visitor_may_not(
    published: str, private: None, ada: User, token: str, path: str, client: Client
) -> None:
    path = path.format(file=published)
    asked = Client().get(path)
    if path.startswith("/projects/"):
        assert asked["Location"] == f"/account/login/?next={path}"
    else:
        assert (asked.status_code, asked.headers["WWW-Authenticate"][:12]) == (401, "Basic realm=")
        assert asked.headers["Cache-Control"] == "no-store"
    stranger = factories.make_user("bob")  # a role is not needed: the site is theirs to read
    factories.add_totp(stranger)
    for text in (token, mint(stranger).text, mint(stranger, only_read=True).text):
        with_token = Client().get(path, headers={"Authorization": basic(text)})
        kept = with_token.headers["Cache-Control"]
        assert (with_token.status_code, "private" in kept, "public" in kept) == (200, True, False)
        b"".join(with_token)
    client.force_login(stranger)
    in_browser = client.get(path)
    assert (in_browser.status_code, in_browser.headers["Cache-Control"]) == (200, "no-store")
    b"".join(in_browser)


def test_a_token_of_a_project_reads_that_project(published: str, private: None, ada: User) -> None:
    factories.make_project("other", ada)
    text = basic(mint(ada, project=Project.objects.get(normalized_name="hushhush")).text)
    codes = [
        Client().get(path, headers={"Authorization": text}).status_code
        for path in ("/simple/hushhush/", "/simple/HushHush/", "/simple/other/", "/simple/nobody/", "/simple/")
    ]
    assert codes == [200, 301, 403, 403, 403]


@pytest.mark.parametrize("why", ["revoked", "held", "expired", "frozen", "forged", "password", "garbage"])
def test_what_opens_nothing_reads_nothing(published: str, private: None, ada: User, why: str) -> None:
    minted = mint(ada, only_read=True)
    given = basic(minted.text)
    if why == "revoked":
        services.revoke([minted.row], actor=ada)
    elif why == "held":
        ApiToken.objects.filter(pk=minted.row.pk).update(held_at=timezone.now())
    elif why == "expired":
        ApiToken.objects.filter(pk=minted.row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    elif why == "frozen":
        User.objects.filter(pk=ada.pk).update(frozen_at=timezone.now())
    elif why == "forged":
        given = basic(minted.text[:-6] + "AAAAAA")
    elif why == "password":
        given = basic(factories.PASSWORD, user="ada")
    else:
        given = "Basic \x00\xff"
    answer = Client().get("/simple/hushhush/", headers={"Authorization": given})
    assert (answer.status_code, b"hush" in answer.content) == (403, False)


def test_refused_tokens_are_counted_and_good_ones_are_not(
    published: str, private: None, token: str, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"index_refused": "2/m/ip"}

    def ask(text: str) -> int:
        return Client().get("/simple/", headers={"Authorization": basic(text)}).status_code

    assert [ask("no token") for _time in range(3)] == [403, 403, 429]
    assert [ask(token) for _time in range(3)] == [200] * 3


def test_a_use_is_noted_once_a_minute(
    published: str, private: None, ada: User, django_assert_max_num_queries: Any
) -> None:
    minted = mint(ada, only_read=True)
    given = {"Authorization": basic(minted.text)}
    Client().get("/simple/hushhush/", headers=given)
    row = ApiToken.objects.get(pk=minted.row.pk)
    assert (row.last_used_at is not None, row.last_used_from) == (True, "127.0.0.1")
    with django_assert_max_num_queries(15) as asked:
        Client().get("/simple/hushhush/", headers=given)
    assert not [one for one in asked.captured_queries if one["sql"].startswith("UPDATE")]


def test_a_password_alone_reads_nothing_where_a_second_factor_is_due(
    published: str, private: None, client: Client, settings: Any, tmp_path: Path
) -> None:
    shown = "print(settings.SECOND_FACTOR_FIRST)"
    done = start(tmp_path, {**PRODUCTION, "INDEX_PRIVATE": "true"}, shown)
    settings.SECOND_FACTOR_FIRST = ast.literal_eval(done.stdout)
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    client.force_login(factories.make_user("bob"))
    for path in (*(path.format(file=published) for path in READS), "/search/?q=hush"):
        assert client.get(path)["Location"] == "/account/security/"


# A token that can only install ----------------------------------------------------------------------------------------


def test_a_token_that_only_installs_uploads_nothing(send: Send, ada: User, token: str) -> None:
    for text in (mint(ada, only_read=True).text, attenuate(token, caveats.ReadOnly())):
        answer = send(wheel_name(), wheel(), by=text)
        assert (answer.status_code, "this token can only install" in answer.reason_phrase) == (403, True)
    assert not Release.objects.exists()


def test_it_is_made_on_the_page_of_tokens_which_shows_how_to_install(private: None, db: None) -> None:
    browser_of_ada = browser(factories.make_user("ada"))
    form = {"name": "ci", "scope": "account", "days": "30", "only_read": "on"}
    assert browser_of_ada.post("/account/tokens/new/", form)["Location"] == "/account/tokens/new/made/"
    page = browser_of_ada.get("/account/tokens/new/made/").content.decode()
    assert "PIP_INDEX_URL=http://__token__:$DESK_TOKEN@localhost:8000/simple/" in page
    assert "UV_INDEX_DESK_PASSWORD" in page
    assert "twine upload" not in page
    listed = browser_of_ada.get("/account/tokens/").content.decode()
    assert ("It can only install." in listed, "PIP_INDEX_URL=http://__token__:$DESK_TOKEN@" in listed) == (True, True)
    assert caveats.dumps(caveats.ReadOnly()) in ApiToken.objects.get().caveats


# Sign-up --------------------------------------------------------------------------------------------------------------


def test_nobody_signs_up_where_that_is_closed(client: Client, db: None, settings: Any) -> None:
    settings.SIGN_UP = "closed"
    form = {
        "username": "eve",
        "email": "eve@example.org",
        "password1": "a long phrase 77",
        "password2": "a long phrase 77",
    }
    for answer in (client.get("/account/signup/"), client.post("/account/signup/", form)):
        assert "You cannot make an account here yourself." in answer.content.decode()
    assert not User.objects.exists()
    for page in ("/", "/account/login/"):
        assert "/account/signup/" not in client.get(page).content.decode()
