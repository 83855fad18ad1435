"""The staff log: search, pages by id, what reading leaves behind, exports."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin import AdminSite
from django.test import Client
from django.urls import path

from accounts.models import User
from audit.admin import EventAdmin, SealAdmin
from audit.chain import outlets, sealing
from audit.log import RequestOrigin, record
from audit.models import Event, Outlet, Seal
from audit.tags import Tag
from audit.views import key
from tests.helpers.files import ROOT
from tests.helpers.sealed import Somebody, write

site = AdminSite()  # Django's own: who may enter ours is not this room's matter
site.register(Event, EventAdmin)
site.register(Seal, SealAdmin)
urlpatterns = [path("admin/", site.urls), path("audit/key/", key)]
pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.audit.test_admin")]
LIST = "/admin/audit/event/"
TOKEN = UUID(int=41)


@pytest.fixture
def staff(client: Client, settings: Any) -> Client:
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False, "OPTIONS": only_the_log(settings)}]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def only_the_log(settings: Any) -> dict[str, Any]:
    """Django's own admin templates and our pages of the log, without the pages of the rooms above."""
    folder = ROOT / "templates" / "admin" / "audit"
    pages = {f"admin/audit/{name}": (folder / name).read_text() for name in ("log.html", "event.html")}
    return {
        **settings.TEMPLATES[0]["OPTIONS"],
        "loaders": [
            ("django.template.loaders.locmem.Loader", pages),
            "django.template.loaders.app_directories.Loader",
        ],
    }


@pytest.fixture
def event(who: Somebody, kim: Somebody) -> Event:
    origin = RequestOrigin(network="203.0.113.7", device="Firefox")
    return record(
        Tag.ACCOUNT_FREEZE, actor=kim, subject=who, ticket=41, token=TOKEN, origin=origin, reason="asked by phone"
    )


def found(staff: Client, query: str = "") -> list[Event]:
    response = staff.get(f"{LIST}?{query}")
    assert response.status_code == 200
    return [one for one in response.context["page"].events if not one.tag.startswith("audit:")]


def test_staff_read_events_and_their_details(staff: Client, event: Event) -> None:
    page = staff.get(f"{LIST}{event.pk}/change/", follow=True).content.decode()
    wanted = ("ada", "kim froze ada.", "203.0.113.7", "Firefox", "asked by phone")
    assert [word for word in wanted if word not in page] == []


@pytest.mark.parametrize("page", ["add/", "{}/delete/"])
def test_not_even_a_superuser_finds_a_page_that_writes(staff: Client, event: Event, page: str) -> None:
    assert staff.get(LIST + page.format(event.pk)).status_code == 403
    assert staff.post(LIST + page.format(event.pk), {"post": "yes"}).status_code == 403


def test_posting_to_an_events_page_changes_nothing(staff: Client, event: Event) -> None:
    assert staff.post(f"{LIST}{event.pk}/change/", {"tag": "x"}).status_code == 403
    assert Event.objects.get(pk=event.pk).tag == Tag.ACCOUNT_FREEZE


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("subject=ada", 1),
        ("subject=ADA&actor=kim", 1),
        ("subject=kim", 0),
        ("actor=KIM", 1),
        ("actor=nobody", 0),
        ("ticket=41", 1),
        ("ticket=4", 0),
        ("tag=account:freeze", 1),
        ("tag=file:add", 0),
        ("network=203.0.113.7", 1),
        ("network=203.0.113.8", 0),
        (f"token={TOKEN}", 1),
        (f"token={UUID(int=40)}", 0),
        ("since=2001-01-01", 1),
        ("until=2001-01-01", 0),
    ],
)
def test_staff_search_by_every_field(staff: Client, event: Event, query: str, count: int) -> None:
    assert len(found(staff, query)) == count


@pytest.mark.parametrize("query", ["token=x", "ticket=9999999999999", "tag=none:such", "since=yesterday", "before=x"])
def test_a_search_that_makes_no_sense_finds_nothing_and_says_so(staff: Client, event: Event, query: str) -> None:
    response = staff.get(f"{LIST}?{query}")
    assert (response.status_code, response.context["page"].events) == (200, [])
    assert response.context["form"].errors


def test_pages_go_by_id_in_both_directions(staff: Client, who: Somebody) -> None:
    write(120, [who])
    ids = list(Event.objects.order_by("-id").values_list("id", flat=True))
    first = staff.get(LIST).context["page"]
    second = staff.get(f"{LIST}?before={first.older}").context["page"]
    third = staff.get(f"{LIST}?before={second.older}").context["page"]
    pages = [[one.id for one in page.events] for page in (first, second, third)]
    assert pages == [ids[:50], ids[50:100], ids[100:]]
    assert (first.newer, third.older) == (None, None)
    back = staff.get(f"{LIST}?after={third.newer}").context["page"]
    assert [one.id for one in back.events] == pages[1]
    assert staff.get(f"{LIST}?after={back.newer}").context["page"].newer is None


def test_a_page_is_one_query_of_the_log(
    staff: Client, who: Somebody, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    write(60, [who])
    with django_assert_max_num_queries(5) as asked:  # session, reader, the log, and whom it names
        staff.get(LIST)
    assert len([query for query in asked.captured_queries if "audit_event" in query["sql"]]) == 1


def test_opening_the_whole_log_of_an_account_is_an_event(staff: Client, event: Event, who: Somebody) -> None:
    found(staff, "subject=Ada")
    opened = Event.objects.get(tag=Tag.AUDIT_LOG_OPEN)
    assert (opened.subject_uid, opened.subject_name, opened.actor_name) == (who.uid, "ada", "root")
    found(staff, f"subject=ada&before={event.pk + 1}")
    found(staff, "tag=account:freeze")
    assert Event.objects.filter(tag=Tag.AUDIT_LOG_OPEN).count() == 1


def test_staff_without_the_right_see_nothing(staff: Client, event: Event) -> None:
    staff.force_login(User.objects.create_user("clerk", password="x", is_staff=True))
    assert staff.get(LIST).status_code == 403
    assert staff.post(f"{LIST}csv/").status_code == 403
    assert staff.post(f"{LIST}export/").status_code == 403


def test_a_search_can_be_taken_away_as_csv(staff: Client, event: Event, who: Somebody) -> None:
    record(Tag.ACCOUNT_RENAME, actor="=cmd()", subject=who)
    assert staff.get(f"{LIST}csv/").status_code == 405
    response = staff.post(f"{LIST}csv/", {"subject": "ada"})
    lines = b"".join(response).decode().splitlines()
    assert lines[0] == "\ufeffid,time,tag,actor_name,subject_name,ticket,project_name,token_id,data,what"
    assert "'=cmd()" in lines[2]
    assert not any("203.0.113.7" in line for line in lines)
    assert Event.objects.filter(tag=Tag.AUDIT_LOG_EXPORT, subject_uid=who.uid).count() == 1


def test_a_superuser_exports_the_whole_log(staff: Client, event: Event) -> None:
    sealing.seal()
    assert staff.get(f"{LIST}export/").status_code == 405
    response = staff.post(f"{LIST}export/")
    kinds = [json.loads(line)["type"] for line in b"".join(response).splitlines()]
    assert kinds == ["header", "event", "seal", "event", "end"]
    assert Event.objects.latest("id").tag == Tag.AUDIT_LOG_EXPORT


def test_seals_can_be_looked_at(staff: Client, event: Event) -> None:
    sealing.seal()
    assert staff.get("/admin/audit/seal/").status_code == 200
    assert staff.get("/admin/audit/seal/1/change/").status_code == 200
    assert staff.post("/admin/audit/seal/1/change/", {}).status_code == 403


def test_everybody_may_read_the_public_key(client: Client) -> None:
    said = client.get("/audit/key/").json()
    assert len(said["key"]) == 43
    assert said["older"] == []


def test_old_times_are_found_by_the_clock(staff: Client, event: Event) -> None:
    minute = timedelta(minutes=1)
    since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in (event.time - minute, event.time + minute))
    assert len(found(staff, f"since={since}&until={until}")) == 1


def test_the_log_says_when_a_checkpoint_last_left_and_what_goes_wrong(staff: Client, settings: Any) -> None:
    assert "Checkpoints" not in staff.get(LIST).content.decode()
    settings.AUDIT_SINK = "/bin/false <b>"
    Outlet.objects.create(name=outlets.MAIL, left=41, left_at=datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC))
    Outlet.objects.create(name=outlets.sink_name(settings.AUDIT_SINK), failures=3, error="<b>no room</b>")
    text = " ".join(staff.get(LIST).content.decode().split())
    assert "Checkpoints by mail: seal 41 left at 2026-11-02 03:04:05 UTC." in text
    assert "Checkpoints that we mailed: none yet." in text
    assert "The last 3 tries failed (&lt;b&gt;no room&lt;/b&gt;)." in text
