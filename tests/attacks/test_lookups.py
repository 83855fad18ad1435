"""Whoever may open a list of the desk reads what it shows, and no column beside it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse

from accounts.models import User
from audit.desk_admin import DeskAdmin
from audit.models import Event
from audit.tags import Tag
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.tickets import long_serving, make_admin, make_moderator, make_root
from tests.helpers.walk import routes, sample
from tests.tiers import spread

pytestmark = pytest.mark.django_db


def make_auditor() -> User:
    return long_serving(factories.make_user("auditor", staff=True, groups=["Auditors"]))


LISTS: list[tuple[type[Model], Any]] = list(admin.site._registry.items())
NAMES = [model._meta.label for model, _admin in LISTS]
LOOKUPS = ("", "__exact", "__startswith", "__regex", "__gt", "__isnull")
DEEP = 3
STAFF: dict[str, Callable[[], User]] = {
    "moderator": make_moderator, "auditor": make_auditor, "admin": make_admin, "superuser": make_root
}  # fmt: skip


def paths(model: type[Model], depth: int = DEEP) -> Iterator[str]:
    """Every column of the model, and of whatever rows can be reached over so many relations."""
    for field in model._meta.get_fields():
        name = field.name
        yield name
        related = field.related_model
        if depth and isinstance(related, type):
            yield from (f"{name}__{path}" for path in paths(related, depth - 1))


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def sent_by(listed: DeskAdmin[Any]) -> set[str]:
    """What the list's own links and forms may hold, written down by hand."""
    filters = {"is_staff__exact", "is_superuser__exact", "is_active__exact", "groups__id__exact"}
    own = {
        "accounts.User": filters | {"is_staff__isnull", "is_superuser__isnull", "is_active__isnull", "groups__isnull"},
        "projects.Project": {"owners", "critical__exact", "critical__isnull", "status__exact", "status__isnull"},
        "recovery.CodeHost": {"described__exact", "described__isnull", "protocol__exact", "protocol__isnull"},
        "recovery.RecoveryTicket": {"claim", "status"},
        "audit.Event": {"tag", "ticket"},
        "channels.IncomingMail": {"kind__exact", "kind__isnull"},
    }
    return own.get(listed.opts.label, set())


def asked(listed: DeskAdmin[Any], **values: str) -> HttpRequest:
    request = RequestFactory().get(list_of(listed.model), values)
    request.user = User(username="root", is_staff=True, is_superuser=True)
    return request


@pytest.mark.parametrize(("model", "listed"), LISTS, ids=NAMES)
def test_every_list_of_the_desk_has_the_base_that_refuses(model: type[Model], listed: object) -> None:
    assert isinstance(listed, DeskAdmin)


@pytest.mark.parametrize(("model", "listed"), LISTS, ids=NAMES)
def test_no_list_filters_by_anything_but_what_it_offers(model: type[Model], listed: DeskAdmin[Any]) -> None:
    """Every column, over up to three relations, with every lookup an attacker would use."""
    request = asked(listed)
    wanted = {f"{path}{lookup}" for path in paths(model) for lookup in LOOKUPS}
    assert len(wanted) >= len(model._meta.get_fields()) * len(LOOKUPS)
    assert {name for name in wanted if listed.offers(request, name)} <= sent_by(listed)


@pytest.mark.parametrize(("model", "listed"), LISTS, ids=NAMES)
def test_djangos_own_list_refuses_too(model: type[Model], listed: DeskAdmin[Any]) -> None:
    """The second wall: whoever makes Django's list without our view gets no further."""
    for path in ("id__gt", "user__password__startswith"):
        request = asked(listed, **{path: "1"})
        with pytest.raises(SuspiciousOperation):
            _changelist(listed, request)


def _changelist(listed: DeskAdmin[Any], request: HttpRequest) -> ChangeList:
    return listed.get_changelist_instance(request)


class InTwo(SimpleListFilter):
    """A filter of one's own."""

    title, parameter_name = "in two", "half"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "one"), ("2", "two")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class Made(DeskAdmin[User]):
    """One with every kind of filter there is."""

    list_filter = ("is_active", ("last_login", admin.EmptyFieldListFilter), "date_joined", InTwo, "groups__name")
    date_hierarchy = "staff_since"


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("is_active__exact", True), ("is_active__isnull", True), ("is_active", False), ("is_active__gt", False),
        ("last_login__isempty", True), ("last_login__gte", False),
        ("date_joined__gte", True), ("date_joined__lt", True), ("date_joined__gt", False),
        ("half", True), ("half__exact", False),
        ("groups__name", True), ("groups__name__startswith", False), ("groups__id__exact", False),
        ("staff_since__year", True), ("staff_since__day", True), ("staff_since__gte", False), ("staff_since", False),
        ("q", True), ("o", True), ("p", True), ("pk", False), ("", False),
    ],
)  # fmt: skip
def test_a_list_offers_what_its_filters_send_to_the_letter(name: str, offered: bool) -> None:
    made = Made(User, admin.site)
    assert made.offers(asked(made), name) == offered


# In a browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def victim(db: None) -> User:
    """An admin who is signed in."""
    grace = make_admin()
    browser(grace)
    return grace


ATTACKS = {
    "a session's key": {"username": "grace", "sessions__session_key__regex": "^a"},
    "a session's key alone": {"sessions__session_key__startswith": "a"},
    "a password's hash": {"password__startswith": "argon2"},
    "a broken expression": {"username__regex": "("},
    "a column that is shown": {"username__startswith": "g"},
    "an exact name": {"username": "grace"},
    "a secret of an app": {"totpdevice__secret__gt": "g"},
    "a column that is not there": {"nothing": "1"},
    "another column of a filter": {"groups__user__password__startswith": "a"},
    "a popup": {"_popup": "1"},
    "another key": {"_to_field": "username"},
}


@pytest.mark.parametrize("who", STAFF)
def test_no_member_of_staff_reads_an_account_by_asking(victim: User, who: str) -> None:
    reader = victim if who == "admin" else STAFF[who]()
    client = browser(reader)
    answers = {what: client.get("/admin/accounts/user/", query).status_code for what, query in ATTACKS.items()}
    assert set(answers.values()) == {400}, answers
    events = Event.objects.filter(tag=Tag.DESK_LOOKUP_REFUSED)
    assert len(events) == len(ATTACKS)  # one for each request
    assert {event.actor_uid for event in events} == {reader.uid}
    assert {(*event.data,) for event in events} == {("page", "parameter")}


def test_the_event_names_the_parameter_and_holds_nothing_that_was_typed(victim: User) -> None:
    client = browser(make_moderator())
    for name in ("sessions__session_key__regex", "password__zq7typed", "zq7typed"):
        client.get("/admin/accounts/user/", {name: "zq7typed"})
    events = Event.objects.filter(tag=Tag.DESK_LOOKUP_REFUSED).order_by("id")
    assert [event.data["parameter"] for event in events] == ["sessions__session_key__regex", "password__…", "…"]
    assert all("typed a search into the address of a staff page" in event.staff_sentence for event in events)


def test_the_same_lists_still_search_and_filter(victim: User) -> None:
    client = browser(make_root())
    for query, found in (("q=grac", True), ("q=nobody", False), ("is_superuser__exact=0", True), ("o=-1", True)):
        page = client.get(f"/admin/accounts/user/?{query}")
        assert (page.status_code, ">grace<" in page.content.decode()) == (200, found), query


def test_a_search_of_thousands_of_words_is_a_search_of_ten(victim: User) -> None:
    client = browser(make_root())
    for model, _listed in LISTS:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(list_of(model), {"q": "g " * 2000}).status_code in (200, 400), model
        assert max(len(one["sql"]) for one in asked) < 10_000, model
    assert ">grace<" in client.get("/admin/accounts/user/", {"q": "grace example.org"}).content.decode()


def test_every_link_a_list_shows_can_be_followed(victim: User) -> None:
    client = browser(make_root())
    for model, _listed in LISTS:
        where = list_of(model)
        page = client.get(where).content.decode()
        for query in {link.replace("&amp;", "&") for link in re.findall(r'href="(\?[^"]*)"', page)}:
            assert client.get(where + query).status_code == 200, query


def test_every_list_answers_400_to_a_lookup(victim: User) -> None:
    client = browser(make_root())
    for model, listed in LISTS:
        names = {f"{path}__regex" for path in paths(model, 0)} | {"id", "id__exact"}
        for name in spread(sorted(names - sent_by(listed)), 4):
            assert client.get(list_of(model), {name: "1"}).status_code == 400, (model, name)


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_other_page_of_the_desk_takes_a_lookup(victim: User, method: str) -> None:
    factories.add_totp(factories.make_user("member"))
    client = browser(make_root())
    unlike = {"admin/login/": 302}  # it only leads in
    for route in [one for one in routes(get_resolver()) if one.startswith("admin/")]:
        answer = getattr(client, method)(sample(route) + "?subject__username__regex=^a")
        assert answer.status_code == unlike.get(route, 400), route


def test_what_is_taken_away_from_the_log_is_searched_by_its_form_alone(victim: User) -> None:
    client = browser(make_moderator())
    assert client.post("/admin/audit/event/csv/", {"actor_name__regex": "^a"}).status_code == 400
    assert client.post("/admin/audit/event/csv/", {"actor": "grace"}).status_code == 200


def test_a_link_fills_in_no_form(victim: User) -> None:
    page = browser(make_root()).get("/admin/recovery/replytemplate/add/", {"name": "zq7", "body": "zq7"})
    assert (page.status_code, "zq7" in page.content.decode()) == (200, False)


def test_the_desk_completes_no_name_and_tells_of_no_row(victim: User) -> None:
    client = browser(make_moderator())
    asked_for = {"app_label": "recovery", "model_name": "recoveryticket", "field_name": "subject", "term": "gra"}
    assert client.get("/admin/autocomplete/", asked_for).status_code == 403
