"""The guards on the settings page: what is in force and from where, in words, and the forms of its owners."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.guard_levels import LEVELS
from recoverydesk.projects.models import GuardChange, Project, Role
from tests.helpers import factories
from tests.helpers.authenticator import give_key
from tests.helpers.desk import browser
from tests.helpers.guards import ask, guard
from tests.helpers.signing_in import enter
from tests.helpers.tickets import make_moderator

SETTINGS, PAGE = "/projects/spam/settings/", "/projects/spam/settings/guards/"


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


@pytest.fixture
def spam(ada: User) -> Project:
    return factories.make_project("spam", ada)


@pytest.fixture
def owner(client: Client, ada: User, spam: Project) -> Client:
    return enter(client, ada)


def post(client: Client, **form: Any) -> str:
    assert client.post(PAGE, form)["Location"] == f"{SETTINGS}#guards"
    return client.get(SETTINGS).content.decode()


def test_the_page_says_what_is_in_force_and_from_where(settings: Any, owner: Client, spam: Project) -> None:
    settings.GUARDS = settings.GUARDS | {"newer_versions": "on"}
    settings.GUARDS_CRITICAL = settings.GUARDS_CRITICAL | {"token_days": "30"}
    Project.objects.filter(pk=spam.pk).update(critical=True, guards={"project_tokens": "on"})
    html = owner.get(SETTINGS).content.decode()
    for said in (
        "<strong>on</strong>. Our site asks this of every project.",
        "<strong>30 days</strong>. Our site asks this of critical projects.",
        "<strong>on</strong>. The owners chose this.",
    ):
        assert said in html
    assert html.count("Off.") == len(LEVELS) - 3


def test_an_owner_makes_a_guard_stricter(owner: Client, spam: Project) -> None:
    assert "The guard is changed." in post(owner, guard="token_days", value="30")
    assert "the guard has this level already" in post(owner, guard="token_days", value="30")
    spam.refresh_from_db()
    assert spam.guards == {"token_days": "30"}


def test_a_planned_change_is_shown_to_everybody_with_a_role(owner: Client, ada: User, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim, kind="maintainer")
    ask(guard(spam, token_days="30"), "token_days", "off", ada)
    maintainer = enter(Client(), kim).get(SETTINGS).content.decode()
    for html in (owner.get(SETTINGS).content.decode(), maintainer):
        assert "the level of the owners is “off”. ada asked for this." in html
    assert "Take the change back" not in maintainer
    assert PAGE not in maintainer


def test_who_is_not_ready_is_named_with_kinds_and_nothing_more(owner: Client, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim, kind="maintainer")
    html = owner.get(SETTINGS).content.decode()
    assert "These people still need" not in html
    html = owner.get(SETTINGS).content.decode()
    guard(spam, second_factor="key")
    html = owner.get(SETTINGS).content.decode()
    listed = " ".join(html[html.index("These people still need") :].split())
    assert "kim, <small> no second factor</small>" in listed
    assert "ada, <small> authenticator app </small>" in listed
    Role.objects.filter(user__username="ada").update(held_at=database_now())
    assert "These people still need" not in owner.get(SETTINGS).content.decode()


def test_a_factor_that_is_announced_names_them_too(owner: Client, ada: User, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim)
    day = database_now().date() + timedelta(days=10)
    assert "The change is planned for" in post(owner, guard="second_factor", value="any", starts=str(day))
    html = " ".join(owner.get(SETTINGS).content.decode().split())
    assert "kim, <small> no second factor</small>" in html[html.index("These people still need") :]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"guard": "x", "value": "on"}, "There is no such guard."),
        ({"guard": "token_days", "value": "2"}, "There is no such guard."),
        ({}, "There is no such guard."),
        ({"guard": "second_factor", "value": "any", "starts": "tomorrow"}, "Enter a day within the next 90 days"),
        ({"guard": "second_factor", "value": "any", "starts": "1999-01-01"}, "Enter a day within the next 90 days"),
        ({"guard": "second_factor", "value": "key"}, "First add this second factor to your own account."),
        ({"guard": "token_days", "keep": "1"}, "This change was taken back already"),
    ],
)
def test_a_refusal_is_said_in_words(owner: Client, form: dict[str, str], said: str) -> None:
    assert said in post(owner, **form)
    assert not GuardChange.objects.exists()


def test_a_change_needs_a_recent_second_factor(client: Client, ada: User, spam: Project) -> None:
    factories.add_app(ada)
    client.force_login(ada)
    client.post(PAGE, {"guard": "token_days", "value": "30"})
    spam.refresh_from_db()
    assert spam.guards == {}


@pytest.mark.parametrize("invited", [True, False])
def test_whoever_has_no_accepted_role_finds_no_page(client: Client, kim: User, spam: Project, invited: bool) -> None:
    if invited:
        factories.add_role(spam, kim, accepted=False, since=database_now())
    client.force_login(kim)
    assert client.get(PAGE).status_code == client.post(PAGE).status_code == 404


def test_a_look_at_the_form_leads_to_the_page(owner: Client) -> None:
    assert owner.get(PAGE)["Location"] == f"{SETTINGS}#guards"


def test_the_settings_page_asks_a_fixed_number_of_questions(
    owner: Client, ada: User, spam: Project, django_assert_max_num_queries: Any
) -> None:
    give_key(ada)
    for number in range(5):
        give_key(user := factories.make_user(f"user{number}"))
        factories.add_role(spam, user)
    ask(guard(spam, second_factor="key"), "second_factor", "off", ada)
    with django_assert_max_num_queries(15):
        assert owner.get(SETTINGS).status_code == 200


# Elsewhere ------------------------------------------------------------------------------------------------------------


def text(client: Client, page: str) -> str:
    return " ".join(client.get(page).content.decode().split())


def test_ones_own_projects_say_what_is_in_force_and_what_one_must_do(client: Client, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim, kind="maintainer")
    client.force_login(kim)
    assert "Guards in force" not in text(client, "/account/projects/")
    guard(spam, second_factor="key", token_days="30")
    html = text(client, "/account/projects/")
    assert "<li>Second factor: a security key</li><li>Maximum age of tokens: 30 days</li>" in html
    assert "This project asks for a security key. Add a security key to your account first." in html
    give_key(kim)
    client.logout()
    assert "asks for a security key" not in text(enter(Client(), kim), "/account/projects/")


def test_a_banner_names_the_day_to_whoever_is_not_ready(client: Client, ada: User, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim, kind="maintainer")
    day = database_now().date() + timedelta(days=10)
    GuardChange.objects.create(
        project=spam, name="second_factor", value="key", at=datetime.combine(day, time(), UTC), by=ada
    )
    client.force_login(kim)
    said = f"From {date_format(day, 'DATE_FORMAT')} on the project spam asks for a security key, and you have none."
    assert said in text(client, "/account/security/")
    stranger = Client()
    stranger.force_login(factories.make_user("bo"))
    assert "asks for a security key" not in text(stranger, "/account/security/")
    give_key(kim)
    assert said not in text(enter(Client(), kim), "/account/security/")


def test_the_sites_own_day_has_a_banner_too(settings: Any, client: Client, kim: User, spam: Project) -> None:
    settings.GUARDS = settings.GUARDS | {"second_factor": "any"}
    settings.GUARD_SECOND_FACTOR_FROM = database_now().date() + timedelta(days=3)
    factories.add_role(spam, kim)
    client.force_login(kim)
    assert "the project spam asks for a second factor, and you have none." in text(client, "/account/security/")
    settings.GUARD_SECOND_FACTOR_FROM = database_now().date()
    assert "asks for a second factor, and you have none." not in text(client, "/account/security/")


def test_staff_see_what_is_in_force_and_what_is_planned(settings: Any, ada: User, spam: Project) -> None:
    settings.GUARDS_CRITICAL = settings.GUARDS_CRITICAL | {"newer_versions": "on"}
    Project.objects.update(critical=True)
    spam.refresh_from_db()
    ask(guard(spam, token_days="30"), "token_days", "90", ada)
    html = text(browser(make_moderator("mira")), f"/admin/recovery/recoveryticket/project/{spam.pk}/")
    assert "Maximum age of tokens: <strong>30 days</strong>, from its owners" in html
    assert "Newer versions only: <strong>on</strong>, from the settings, for critical projects" in html
    assert "Maximum age of tokens: ada asked for 90 days. It becomes the owners' level at" in html


def test_the_history_names_guard_and_level(owner: Client, ada: User, spam: Project) -> None:
    post(owner, guard="token_days", value="30")
    spam.refresh_from_db()
    ask(spam, "token_days", "off", ada)
    html = text(owner, "/projects/spam/history/")
    assert "A guard of a project was changed. Maximum age of tokens: 30 days" in html
    assert "Somebody asked for a less strict guard of a project, in 24 hours. Maximum age of tokens: off" in html
