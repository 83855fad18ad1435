"""What staff decide about a project on its page: quarantine, its end, and deletion at any time."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.projects import project_status, services
from recoverydesk.projects.models import File, Project, Release
from recoverydesk.projects.published import FileFact
from tests.helpers import factories
from tests.helpers.desk import QUEUE, asks_for_factor, browser, decide
from tests.helpers.tickets import make_admin, make_moderator

pytestmark = pytest.mark.django_db
REASON = "It carries a virus."
SDIST = "tool-1.0.tar.gz"


@pytest.fixture
def tool(ada: User) -> Project:
    project = factories.make_project("tool", ada)
    files = [FileFact(SDIST, "sdist", 1, "1" * 64, factories.LONG_AGO)]
    services.record_release(project, version="1.0", uploaded_at=factories.LONG_AGO, urls=None, files=files)
    return project


@pytest.fixture
def admin(db: None) -> Client:
    return browser(make_admin())


def page(project: Project) -> str:
    return f"{QUEUE}project/{project.pk}/"


def submit(client: Client, project: Project, **form: Any) -> str:
    """What the project's page says afterwards, the factor shown where it was asked for."""
    decide(client, f"{page(project)}decide/", form, follow=True)
    return " ".join(client.get(page(project)).content.decode().split())


def state(project: Project) -> tuple[Any, ...]:
    project.refresh_from_db()
    return project.status, File.objects.get().deleted_at, Release.objects.get().deleted_at, Event.objects.count()


def test_an_admin_quarantines_and_ends_it_with_a_factor_for_just_that(admin: Client, tool: Project) -> None:
    asked = admin.post(f"{page(tool)}decide/", {"quarantine": "1", "reason": REASON})
    assert asks_for_factor(asked)
    assert "Give the project tool the status: in quarantine." in admin.get(asked["Location"]).content.decode()
    tool.refresh_from_db()
    assert tool.status == "active"
    assert "End the quarantine of the project" in submit(admin, tool, quarantine="1", reason=REASON)
    public = Client().get("/projects/tool/").content.decode()
    assert "Our staff put this project in quarantine" in public
    assert REASON in public
    assert "Quarantine the project: nobody installs it" in submit(admin, tool, end_quarantine="1", reason=REASON)
    tool.refresh_from_db()
    assert tool.status == "active"
    mails = Mail.objects.filter(kind="release_changed").order_by("id")
    assert [mail.context["state"] for mail in mails] == ["quarantined", "active"]
    assert all("rosa" not in outbox.render(mail).text for mail in mails)


@pytest.mark.parametrize("status", ["archived", "deprecated"])
def test_a_project_becomes_after_a_quarantine_what_its_owners_had_said(
    admin: Client, ada: User, tool: Project, status: str
) -> None:
    project_status.set_status(tool, status, actor=ada, reason="use spam")
    for _time in range(2):
        submit(admin, tool, quarantine="1", reason=REASON)
        submit(admin, tool, quarantine="1", reason="It carries two viruses.")
        tool.refresh_from_db()
        assert (tool.status, tool.status_reason) == ("quarantined", "It carries two viruses.")
        submit(admin, tool, end_quarantine="1", reason="It was a false alarm.")
        tool.refresh_from_db()
        assert (tool.status, tool.status_reason) == (status, "use spam")
    project_status.set_status(tool, "active", actor=ada)
    submit(admin, tool, quarantine="1", reason=REASON)
    submit(admin, tool, end_quarantine="1", reason="It was a false alarm.")
    tool.refresh_from_db()
    assert (tool.status, tool.status_before) == ("active", "")


def test_an_admin_deletes_a_file_then_the_release_long_after_72_hours(admin: Client, tool: Project) -> None:
    submit(admin, tool, delete="1", what=f" {SDIST} ", reason=REASON)
    assert File.objects.get().deleted_at
    assert Release.objects.get().deleted_at is None
    submit(admin, tool, delete="1", what="1.0", reason=REASON)
    assert Release.objects.get().deleted_at
    deleted = Event.objects.filter(tag__endswith=":remove").order_by("id")
    assert [event.data["reason"] for event in deleted] == [REASON, REASON]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"delete": "1", "what": "9.9", "reason": REASON}, "This project has no release and no file of that name."),
        ({"delete": "1", "what": "", "reason": REASON}, "This project has no release and no file of that name."),
        ({"delete": "1", "what": "1.0", "reason": "no"}, "at least 10 characters"),
        ({"quarantine": "1", "reason": ""}, "at least 10 characters"),
        ({"quarantine": "1", "reason": "a virus,\nand more"}, "Give the reason in one line"),
        ({"end_quarantine": "1", "reason": REASON}, "Only our staff can put a project in quarantine or take it out."),
        ({}, "Only our staff can put a project in quarantine or take it out."),
    ],
)
def test_a_refusal_is_said_in_words(admin: Client, tool: Project, form: dict[str, str], said: str) -> None:
    before = state(tool)[:3]
    answer = admin.post(f"{page(tool)}decide/", form)
    assert not asks_for_factor(answer)
    assert said in admin.get(answer["Location"]).content.decode()
    assert state(tool)[:3] == before


def test_a_release_deleted_before_is_gone(admin: Client, tool: Project) -> None:
    for _time in range(2):
        page_now = submit(admin, tool, delete="1", what="1.0", reason=REASON)
    assert "deleted" in page_now
    assert Event.objects.filter(tag="project:release:remove").count() == 1


@pytest.mark.parametrize("who", ["moderator", "with a role", "owner"])
def test_who_may_not_decide_sees_no_form_and_is_refused(ada: User, tool: Project, who: str) -> None:
    if who == "moderator":
        client = browser(make_moderator())
    else:
        boss = make_admin()
        factories.add_role(tool, boss, kind="maintainer", accepted=who == "owner")
        client = browser(boss)
    assert "Decide about it" not in client.get(page(tool)).content.decode()
    before = state(tool)
    for form in ({"quarantine": "1"}, {"delete": "1", "what": "1.0"}):
        answer = client.post(f"{page(tool)}decide/", form | {"reason": REASON})
        assert not asks_for_factor(answer)
    assert state(tool) == before


def test_the_owner_of_a_project_has_no_way_in(client: Client, ada: User, tool: Project) -> None:
    client.force_login(ada)
    assert "/login/" in client.post(f"{page(tool)}decide/", {"quarantine": "1", "reason": REASON})["Location"]
    assert client.get(f"{page(tool)}decide/").status_code == 302


def test_the_page_asks_the_same_few_queries_at_any_size(admin: Client, ada: User, tool: Project) -> None:
    big = factories.make_project("big", ada)
    rows = [Release(project=big, version=f"2.{n}", uploaded_at=factories.LONG_AGO) for n in range(60)]
    made = Release.objects.bulk_create(rows)
    File.objects.bulk_create(
        File(release=one, filename=f"big-{one.version}-{n}", packagetype="sdist", size=1, sha256="0" * 64,
             uploaded_at=factories.LONG_AGO)
        for one in made for n in range(10)
    )  # fmt: skip
    counts = set()
    for project in (tool, big):
        admin.get(page(project))
        with CaptureQueriesContext(connection) as queries:
            assert admin.get(page(project)).status_code == 200
        counts.add(len(queries))
    assert max(counts) <= 20
    assert len(counts) == 1
