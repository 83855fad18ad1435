"""The first load of a page is light: itself, and every stylesheet, script and drawing it asks for, as we serve them.

In production every file under /static/ is compressed once, by WhiteNoise, and its name carries its hash; pages are not
compressed by us, since they carry secrets beside what a stranger chose (BREACH). What a stylesheet names counts, too,
whether this page shows it or not.
"""

import gzip
import re
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import islice
from pathlib import PurePosixPath
from posixpath import normpath

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from whitenoise.compress import Compressor

from accounts.mail import links
from accounts.models import User
from recoverydesk.recovery.models import Status
from tests.helpers import factories
from tests.helpers.links import path as path_of
from tests.helpers.tickets import DAY, add_boundary, make_ticket, status_link, stop_link
from tests.helpers.walk import Walk, pages
from tests.tiers import spread, times

DESK, OTHERS = 110_000, 60_000  # bytes
ASKED_FOR = {"link": "href", "script": "src", "img": "src"}
URL = re.compile(r"""url\(["']?([^"')]+)""")
World = dict[str, dict[str, str]]


class Files(HTMLParser):
    """The files that a page asks for: under /static/ by their names there, others by their addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        where = dict(attrs).get(ASKED_FOR.get(tag, "")) or ""
        if where and (tag != "link" or dict(attrs).get("rel") in ("stylesheet", "icon")):
            self.found.add(where.removeprefix(settings.STATIC_URL))


@cache
def named_in(name: str) -> frozenset[str]:
    """The files that a stylesheet names; none for another file."""
    if not name.endswith(".css"):
        return frozenset()
    urls = [url for url in URL.findall(_text(name)) if not url.startswith(("data:", "#"))]
    return frozenset(normpath(str(PurePosixPath(name).parent / url)) for url in urls)


@cache
def served(name: str) -> int:
    """Bytes of one file as WhiteNoise sends it: compressed, unless its kind is compressed already."""
    raw = _bytes(name)
    return len(gzip.compress(raw, 9)) if Compressor().should_compress(name) else len(raw)


def _bytes(name: str) -> bytes:
    found = finders.find(name)
    assert isinstance(found, str), f"{name} is not there"
    with open(found, "rb") as file:
        return file.read()


def _text(name: str) -> str:
    return _bytes(name).decode()


def weight(page: str, walk: Walk) -> int:
    """Bytes of the first load."""
    asked = Files(page).found
    ours = {name for name in asked if not name.startswith("/")}
    made = sum(len(walk.ask("get", address).content) for address in asked - ours)
    return len(page.encode()) + made + sum(map(served, ours.union(*map(named_in, ours))))


def who_looks(path: str) -> str:
    if path.startswith("/admin/"):
        return "root"
    own = path.startswith(("/account/", "/projects/", "/recover/")) and path not in FOR_VISITORS
    return "ada" if own and not path.startswith(MAILED) else "visitor"


FOR_VISITORS = ("/account/login/", "/account/signup/", "/account/password/reset/", "/recover/")
MAILED = ("/recover/status/", "/recover/stop/", "/recover/password/", "/recover/policy/")


def made_pages() -> list[str]:
    """The pages of claimants and owners that no sample leads to: of a ticket's links, and of a project with files."""
    ada = User.objects.get(username="ada")
    factories.make_project("weighed", ada, urls=[("Source", "https://github.com/ada/tool")])
    root = User.objects.get(username="root")
    ticket = make_ticket(factories.make_user("weighed-one"))
    done = make_ticket(factories.make_user("weighed-two"), Status.COMPLETED, reset_by=root)
    for owner in ("ada", "guild", "third"):
        add_boundary(ticket, owner)
    password = links.make_link(
        "choose_password", done.contact, lifetime=DAY, user=done.subject, reference=done.reference
    )  # fmt: skip
    mailed = (status_link(ticket), status_link(done), stop_link(ticket), stop_link(done), password)
    project = ("", "settings/", "publishers/", "history/", "releases/1.0/")
    return [*map(path_of, mailed), *(f"/projects/weighed/{page}" for page in project), *FOR_VISITORS]


@pytest.mark.django_db
@pytest.mark.thorough
def test_the_pages_of_a_recovery_and_of_a_project_are_light(world: World) -> None:
    paths = made_pages()
    weights = dict(weighed(world, paths))
    assert sorted(set(paths) - weights.keys()) == []
    assert [f"{path}: {size} bytes" for path, size in weights.items() if size > most_of(path)] == []


@pytest.mark.django_db
def test_every_page_is_light(world: World) -> None:
    factories.add_totp(factories.make_user("member"))  # whom `sample` needs
    every = dict.fromkeys([*pages(), *FOR_VISITORS])
    weights = dict(islice(weighed(world, spread(every, 60)), times(1_000, fast=8)))
    assert [f"{path}: {size} bytes" for path, size in weights.items() if size > most_of(path)] == []
    assert len(weights) >= 8


def weighed(world: World, paths: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The weight of every page that is there for whoever looks."""
    for path in paths:
        walk = Walk(world[who_looks(path)])
        if page := walk.page(path):
            yield path, weight(page, walk)


def most_of(path: str) -> int:
    return DESK if path.startswith("/admin/") else OTHERS


@pytest.mark.django_db
def test_a_heavy_page_would_be_seen() -> None:
    walk = Walk({})
    assert weight('<script src="/static/admin/js/vendor/jquery/jquery.js"></script>', walk) > OTHERS
    assert weight("x" * 10, walk) == 10
    assert weight('<script src="/audit/key/"></script>', walk) > 100
