"""The desk as a place to work: its sidebar, one page for an account and a project, the log in sentences with links."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from audit import log
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects.models import Project
from recoverydesk.recovery import wording
from recoverydesk.recovery.desk import navigation, told
from recoverydesk.recovery.models import Status
from recoverydesk.recovery.workflow.table import Verb
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.tickets import make_admin, make_moderator, make_root, make_ticket

pytestmark = pytest.mark.django_db
LISTS: list[tuple[type[Model], Any]] = list(admin.site._registry.items())


@pytest.fixture
def engine(ada: User) -> Project:
    return factories.make_project("engine", ada, urls=[("Source", "https://github.com/lovelace/engine"), ("Docs", "x")])


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def words(client: Client, page: str) -> str:
    answer = client.get(page)
    assert answer.status_code == 200, page
    return " ".join(answer.content.decode().split())


# The sidebar ---------------------------------------------------------------------------------------------------------


def test_every_place_opens_for_every_group_and_is_marked_on_its_own_page_alone(db: None) -> None:
    auditor = factories.make_user("aude", staff=True, groups=["Auditors"])
    for user in (make_moderator(), make_admin(), auditor, make_root()):
        client = browser(user)
        for place in navigation.PLACES:
            url = reverse(f"admin:{place.page}")
            nav = re.search(r'<nav id="nav-sidebar".*?</nav>', words(client, url))
            assert nav, url
            assert re.findall(r'href="([^"]+)" aria-current="page"', nav[0]) == [url], user


def test_who_lacks_a_right_has_no_way_to_its_page(db: None) -> None:
    page = words(browser(factories.make_user("clerk", staff=True)), "/admin/")
    assert [place.title for place in navigation.PLACES if reverse(f"admin:{place.page}") in page] == []


def test_staff_land_on_the_desk_and_others_on_their_account(ada: User) -> None:
    for user, where in ((make_moderator(), "/admin/"), (ada, "/account/security/")):
        _device, secret = factories.add_totp(user)
        client = Client()
        client.post("/account/login/", {"login": user.username, "password": factories.PASSWORD})
        answer = client.post("/account/second-factor/", {"code": factories.code(secret)})
        assert (answer.status_code, answer["Location"]) == (302, where)


# Lists and what they lead to -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "listed"), LISTS, ids=[model._meta.label for model, _listed in LISTS])
def test_no_list_needs_jquery_or_says_where_djangos_rooms_are(model: type[Model], listed: Any, ada: User) -> None:
    page = words(browser(make_root()), list_of(model))
    assert "jquery" not in page.lower()
    assert "select2" not in page
    assert "to view</h1>" not in page
    assert f'href="/admin/{listed.opts.app_label}/"' not in page


def test_the_rows_of_an_account_lead_to_its_one_page(ada: User, engine: Project) -> None:
    factories.add_totp(ada)
    home = f"{QUEUE}account/{ada.pk}/"
    client = browser(make_root())
    pages = [page for model, listed in LISTS if listed.page_of is not None for page in [list_of(model)]]
    led = {page for page in pages if home in words(client, page)}
    assert {"/admin/accounts/user/", "/admin/accounts/totpdevice/"} <= led
    assert f"{QUEUE}project/{engine.pk}/" in words(client, "/admin/projects/project/")


@pytest.mark.parametrize("who", [make_moderator, make_admin])
def test_djangos_forms_of_accounts_and_projects_are_for_superusers_rights_alone(
    ada: User, engine: Project, who: Any
) -> None:
    ways = {
        f"/admin/accounts/user/{ada.pk}/change/": f"{QUEUE}account/{ada.pk}/",
        f"/admin/projects/project/{engine.pk}/change/": f"{QUEUE}project/{engine.pk}/",
    }
    client = browser(who())
    assert {page: client.get(page)["Location"] for page in ways} == ways
    root = browser(make_root())
    assert "Staff rights" in words(root, f"/admin/accounts/user/{ada.pk}/change/")
    assert root.get(f"/admin/projects/project/{engine.pk}/change/").status_code == 302


def test_history_is_the_log_of_the_thing(ada: User, engine: Project) -> None:
    ticket = make_ticket(ada)
    client = browser(make_moderator())
    ways = {
        f"/admin/accounts/user/{ada.pk}/history/": "subject=ada",
        f"/admin/projects/project/{engine.pk}/history/": "project=engine",
        f"{QUEUE}{ticket.pk}/history/": f"ticket={ticket.pk}",
    }
    assert {page: client.get(page)["Location"].partition("?")[2] for page in ways} == ways
    clerk = browser(factories.make_user("clerk", staff=True))
    assert {clerk.get(page).status_code for page in ways} == {403}


# The project ---------------------------------------------------------------------------------------------------------


def test_the_project_page_has_people_releases_links_tickets_and_events(ada: User, engine: Project) -> None:
    ticket = make_ticket(ada, Status.REJECTED)
    log.record(Tag.PROJECT_ROLE_ADD, actor=ada, subject=ada, project=engine)
    page = words(browser(make_moderator()), f"{QUEUE}project/{engine.pk}/")
    for said in (
        f'href="{QUEUE}account/{ada.pk}/">ada</a>', "owner", "github.com/lovelace", "https://github.com/lovelace/engine",
        f'href="{QUEUE}{ticket.pk}/change/">#{ticket.pk} ada</a>', "1 link does not count as a repository",
        "ada gave ada a role in the project.", "/admin/projects/project/",
    ):  # fmt: skip
        assert said in page, said


def test_the_project_page_is_for_those_who_may_see_projects(engine: Project) -> None:
    assert browser(factories.make_user("clerk", staff=True)).get(f"{QUEUE}project/{engine.pk}/").status_code == 403
    assert browser(make_moderator()).get(f"{QUEUE}project/0/").status_code == 404


def costs(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(page).status_code == 200
    return len(caught)


def test_the_project_page_costs_the_same_whatever_the_project_has(ada: User, engine: Project) -> None:
    client, page = browser(make_moderator()), f"{QUEUE}project/{engine.pk}/"
    costs(client, page)
    few = costs(client, page)
    for number in range(20):
        user = factories.make_user(f"user{number}")
        factories.add_role(engine, user)
        make_ticket(user)
        log.record(Tag.PROJECT_ROLE_ADD, actor=ada, subject=user, project=engine, ticket=number)
    assert costs(client, page) == few + 1 <= 22  # the accounts the events name


def test_a_page_of_the_log_costs_the_same_whatever_it_names(ada: User, engine: Project) -> None:
    client = browser(make_moderator())
    log.record(Tag.PROJECT_ROLE_ADD, actor=ada, subject=ada, project=engine)
    few = costs(client, "/admin/audit/event/")
    for number in range(30):
        user = factories.make_user(f"user{number}")
        log.record(Tag.PROJECT_ROLE_ADD, actor=ada, subject=user, project=engine, ticket=number + 1)
    assert costs(client, "/admin/audit/event/") == few <= 16


# Events --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "data", "sentence"),
    [
        (Tag.ACCOUNT_EMAIL_SENT, {"kind": "recovery_reset"}, "A mail to ada was sent: Notice of the reset."),
        (Tag.ACCOUNT_EMAIL_BOUNCED, {}, "A mail to ada came back."),
        (
            Tag.ACCOUNT_RECOVERY_REFUSED,
            {"verb": "reset", "error": "NotAllowed", "status": "ready"},
            "mod wanted to reset the account and was refused: You may not do this.",
        ),
        (
            Tag.ACCOUNT_RECOVERY_REFUSED,
            {"verb": "unheard of", "error": "NotAllowed"},
            "mod tried something that is not allowed on a ticket.",
        ),
        (
            Tag.ACCOUNT_RECOVERY_SNOOZE,
            {"until": "2026-12-03T10:00:00.123456+00:00"},
            "mod snoozed the ticket about ada until 2026-12-03 10:00 UTC.",
        ),
        (Tag.ACCOUNT_RECOVERY_SNOOZE, {"until": ""}, "mod woke the ticket about ada."),
        (Tag.ACCOUNT_RECOVERY_ASSIGN, {"to": "lin"}, "mod gave the ticket about ada to lin."),
        (Tag.ACCOUNT_RECOVERY_ASSIGN, {"to": "mod"}, "mod took the ticket about ada."),
        (Tag.ACCOUNT_RECOVERY_ASSIGN, {"to": ""}, "mod gave the ticket about ada back. Nobody has it now."),
    ],
)
def test_an_event_says_what(tag: Tag, data: dict[str, Any], sentence: str) -> None:
    event = Event(tag=tag, actor_name="mod", subject_name="ada", data=data)
    assert told.sentence(event) == sentence


def test_every_verb_that_may_be_refused_a_person_has_words() -> None:
    of_the_system = {Verb.RECORD_PROBE, Verb.NOTE_BOUNCE, Verb.MEND_BOUNCE, Verb.START_CLOCK, Verb.REMIND}
    assert {verb.value for verb in set(Verb) - of_the_system} <= wording.VERBS.keys()


def test_an_event_leads_to_its_account_ticket_and_project_and_folds_its_json(ada: User, engine: Project) -> None:
    ticket = make_ticket(ada)
    event = log.record(Tag.PROJECT_ROLE_HOLD, actor="system", subject=ada, project=engine, ticket=ticket.pk, note="<b>")
    ways = (f"{QUEUE}account/{ada.pk}/", f"{QUEUE}project/{engine.pk}/", f"{QUEUE}{ticket.pk}/change/")
    client = browser(make_moderator())
    one = words(client, f"/admin/audit/event/{event.pk}/change/")
    for page in (words(client, "/admin/audit/event/"), one):
        for way in ways:
            assert f'href="{way}"' in page
    assert "<details> <summary>As stored</summary>" in one
    assert "&quot;note&quot;: &quot;&lt;b&gt;&quot;" in one
    assert client.get("/admin/audit/event/0/change/").status_code == 404
