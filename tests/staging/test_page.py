"""The page of staged releases: several of several projects, one click, one second factor, as they were shown."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import Event
from recoverydesk.projects import services
from recoverydesk.projects.models import File, Project, Role
from recoverydesk.projects.published import FileFact
from recoverydesk.staging.models import StagedFile, StagedRelease
from tests.helpers import factories
from tests.helpers.authenticator import give_key
from tests.helpers.desk import asks_for_factor, browser, decide, fresh_code
from tests.helpers.packages import Send, sdist, sdist_name, wheel, wheel_name
from tests.helpers.tokens import mint

PAGE = "/account/staged/"


@pytest.fixture
def owner(kim: User) -> Client:
    """Kim, who has just signed in with her second factor."""
    return browser(kim)


def words(client: Client) -> str:
    text = re.sub(r"<[^>]+>", " ", client.get(PAGE).content.decode())
    return " ".join(unescape(text).split())


def boxes(client: Client) -> list[str]:
    """What the checkboxes of the page carry, as a browser would send them."""
    return re.findall(r'name="release" value="([^"]+)"', client.get(PAGE).content.decode())


def click(client: Client, button: str, chosen: list[str] | None = None) -> Any:
    return client.post(PAGE, {button: "1", "release": boxes(client) if chosen is None else chosen})


def test_the_page_shows_files_token_network_and_what_changes(staged: StagedRelease, owner: Client, ada: User) -> None:
    services.record_release(
        staged.project, version="0.2", uploaded_at=timezone.now(), urls=[("Source", "https://github.com/old/sample")]
    )
    text = words(owner)
    for part in (
        "sample 1.0", wheel_name(), StagedFile.objects.get().sha256, "uploaded by ada with the token “test”",
        "from 127.0.0.0/24", "What it changes since 0.2", "No link leads to a repository of old (github.com) any more.",
        "New link Source: https://code.example/ada/sample", "Removed link Source: https://github.com/old/sample",
        "Summary: made for a test, before –", "Python versions: >=3.8, before –", "The description changed.",
    ):  # fmt: skip
        assert part in text


def test_the_own_network_is_shown_whole(staged: StagedRelease, ada: User) -> None:
    text = words(browser(ada))
    assert "from 127.0.0.1 " in text
    assert "with the token “test”" in text


@pytest.mark.parametrize("state", ["maintainer", "in quarantine"])
def test_who_may_not_know_reads_neither_token_nor_network(
    staged: StagedRelease, owner: Client, kim: User, state: str
) -> None:
    """What the history shows to nobody else (ADR 0160)."""
    if state == "maintainer":
        Role.objects.filter(user=kim).update(kind="maintainer")
    else:
        User.objects.filter(pk=kim.pk).update(quarantined_at=timezone.now())
    text = words(owner)
    assert "uploaded by ada" in text
    assert "127.0" not in text
    assert "test”" not in text


def test_a_new_boundary_and_new_requirements_are_named(project: Project, send: Send, owner: Client) -> None:
    metadata = (
        b"Metadata-Version: 2.1\nName: sample\nVersion: 1.0\nProject-URL: Source, https://github.com/eve/sample\n"
        b"Requires-Dist: miner\n\n"
    )
    form = {
        "project_urls": ["Source, https://github.com/eve/sample"],
        "requires_python": None,
        "requires_dist": "miner",
    }
    assert send(wheel_name(), wheel(metadata=metadata), **form).status_code == 200
    assert "A link names a repository of eve (github.com)." in words(owner)
    assert "It now needs miner" in words(owner)


def test_what_one_of_several_files_needs_is_shown_too(staged: StagedRelease, send: Send, owner: Client) -> None:
    metadata = b"Metadata-Version: 2.1\nName: sample\nVersion: 1.0\nRequires-Dist: miner\n\n"
    form = {"project_urls": None, "requires_python": None, "requires_dist": "miner"}
    assert send(sdist_name(), sdist(metadata=metadata), **form).status_code == 200
    assert "It now needs miner" in words(owner)


def test_several_releases_of_several_projects_are_published_with_one_factor(
    staged: StagedRelease, send: Send, owner: Client, ada: User, kim: User
) -> None:
    other = factories.make_project("other", ada, version="0.1")
    factories.add_role(other, kim)
    Project.objects.update(guards={"two_step": "on"})
    send(wheel_name("other"), wheel("other"), of=("other", "1.0"))
    send(wheel_name("other", "1.1"), wheel("other", "1.1"), of=("other", "1.1"))
    chosen = [value for value in boxes(owner) if "other" not in value][:2]
    asked = click(owner, "publish", chosen)
    assert asks_for_factor(asked)
    page = owner.get(asked["Location"]).content.decode()
    assert "Publish 2 releases:" in page
    assert not File.objects.exists()
    done = owner.post(asked["Location"], {"code": fresh_code(owner)})
    assert (done.status_code, done["Location"]) == (302, PAGE)
    assert File.objects.count() == 2
    step_up = Event.objects.filter(tag="account:step_up").latest("id")
    assert step_up.data["decision"] == "staged_publish"
    assert words(owner).count("is published.") == 2


def test_a_batch_that_is_replayed_does_nothing_twice(staged: StagedRelease, owner: Client) -> None:
    chosen = boxes(owner)
    asked = click(owner, "publish", chosen)
    for _time in range(2):
        owner.post(asked["Location"], {"code": fresh_code(owner)})
    assert Event.objects.filter(tag="project:staged:publish").count() == 1
    again = click(owner, "publish", chosen)
    assert again["Location"] == PAGE
    assert "was published, discarded or has expired already" in words(owner)
    assert File.objects.count() == 1


def test_a_file_added_since_stops_its_release_and_no_other(staged: StagedRelease, send: Send, owner: Client) -> None:
    send(wheel_name(version="1.1"), wheel(version="1.1"), of=("sample", "1.1"))
    asked = click(owner, "publish")
    send(sdist_name(), sdist())
    owner.post(asked["Location"], {"code": fresh_code(owner)})
    text = words(owner)
    assert "sample 1.0: A file was added since you looked. Nothing of this release was changed." in text
    assert "sample 1.1 is published." in text
    assert list(File.objects.values_list("filename", flat=True)) == [wheel_name(version="1.1")]


def test_a_stolen_session_with_a_factor_shown_a_minute_ago_publishes_nothing(
    staged: StagedRelease, owner: Client
) -> None:
    asked = click(owner, "publish")
    assert asks_for_factor(asked)
    for given in ({}, {"code": "000000"}, {"credential": "{}"}):
        owner.post(asked["Location"], given)
    assert not File.objects.exists()


def test_a_security_key_is_asked_of_staff_and_not_of_owners(
    staged: StagedRelease, owner: Client, settings: Any
) -> None:
    settings.STAFF_STEP_UP = "webauthn"
    decide(owner, PAGE, {"publish": "1", "release": boxes(owner)})
    assert File.objects.exists()


def test_discarding_is_a_batch_too(staged: StagedRelease, owner: Client) -> None:
    decide(owner, PAGE, {"discard": "1", "release": boxes(owner)})
    assert "sample 1.0 is discarded." in words(owner)
    assert StagedRelease.objects.get().state == "discarded"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"publish": "1"},
        {"release": "x"},
        {"publish": "1", "release": ["x", ":", "1:2"]},
        {"discard": "1", "release": ""},
    ],
)
def test_a_form_of_nothing_is_answered_with_what_to_do(staged: StagedRelease, owner: Client, form: Any) -> None:
    assert owner.post(PAGE, form)["Location"] == PAGE
    assert "Choose at least one release" in words(owner)


def test_a_stranger_learns_no_name_and_publishes_nothing(staged: StagedRelease, owner: Client) -> None:
    stranger = browser(factories.make_user("bob"))
    assert "Nothing is staged" in words(stranger)
    click(stranger, "publish", boxes(owner))
    text = words(stranger)
    assert "already" in text
    assert "sample" not in text


def test_a_maintainer_sees_it_and_cannot_publish(staged: StagedRelease, owner: Client, kim: User) -> None:
    Role.objects.filter(user=kim).update(kind="maintainer")
    assert "Only an owner of the project may do this." in words(owner)
    assert boxes(owner) == []
    uid, digest = staged.uid, "0" * 64
    assert click(owner, "publish", [f"{uid}:{digest}"])["Location"] == PAGE
    assert not File.objects.exists()


def test_a_recovered_owner_cannot_publish_and_a_role_on_hold_sees_nothing(
    staged: StagedRelease, owner: Client, kim: User
) -> None:
    chosen = boxes(owner)
    User.objects.filter(pk=kim.pk).update(quarantined_at=timezone.now())
    assert "Your account was recovered." in words(owner)
    click(owner, "publish", chosen)
    User.objects.filter(pk=kim.pk).update(quarantined_at=None)
    Role.objects.filter(user=kim).update(held_at=timezone.now(), held_for=1)
    assert "Nothing is staged" in words(owner)
    click(owner, "publish", chosen)
    assert not File.objects.exists()


def test_who_lost_the_role_between_click_and_factor_publishes_nothing(
    staged: StagedRelease, owner: Client, kim: User
) -> None:
    asked = click(owner, "publish")
    Role.objects.filter(user=kim).delete()
    owner.post(asked["Location"], {"code": fresh_code(owner)})
    assert not File.objects.exists()


def test_an_account_without_a_factor_is_told_to_add_one(staged: StagedRelease, client: Client) -> None:
    new = factories.make_user("new")
    factories.add_role(staged.project, new)
    client.force_login(new)
    click(client, "publish")
    assert "Add an authenticator app or a security key first." in words(client)


def test_the_page_of_projects_counts_what_waits(staged: StagedRelease, owner: Client) -> None:
    assert "1 staged release waits to be published" in owner.get("/account/projects/").content.decode()


def ask_for_another(client: Client) -> str:
    """What the page says after somebody asked that another owner publishes."""
    form = {"guard": "two_step", "value": "another"}
    return str(client.post("/projects/tool/settings/guards/", form, follow=True).content.decode())


def test_an_owner_switches_it_on_among_the_guards(ada: User, owner: Client, kim: User) -> None:
    factories.add_role(factories.make_project("tool", ada), kim)
    said = owner.post(
        "/projects/tool/settings/guards/", {"guard": "two_step", "value": "another"}, follow=True
    ).content.decode()
    assert "The guard is changed." in said
    assert "an owner who did not upload it publishes" in said
    assert Project.objects.get(name="tool").guards == {"two_step": "another"}


def test_who_is_the_only_owner_cannot_ask_for_another(owner: Client, kim: User) -> None:
    alone = factories.make_project("tool", kim)
    said = owner.post(
        "/projects/tool/settings/guards/", {"guard": "two_step", "value": "another"}, follow=True
    ).content.decode()
    assert "Invite another owner first." in said
    alone.refresh_from_db()
    assert alone.guards == {}


@pytest.mark.thorough
@pytest.mark.parametrize("factor", ["off", "any"])
def test_the_page_asks_few_queries_however_much_is_staged(
    factor: str, project: Project, owner: Client, ada: User, storage: Any
) -> None:
    known = mint(ada).row.pk
    Project.objects.update(guards={"two_step": "on", "second_factor": factor})

    def stage(number: int) -> None:
        release = StagedRelease.objects.create(project=project, version=f"9.{number}", opened_by=known)
        links = [["Source", f"https://github.com/ada/{number}"]]
        given = {"release": release, "packagetype": "sdist", "size": 1, "stager": ada, "token": known, "event": 1}
        for file in range(40):
            name = f"s-9.{number}-{file}"
            StagedFile.objects.create(filename=name, sha256=f"{number:032}{file:032}", urls=links, **given)
        now = timezone.now()
        files = [FileFact(f"p-{number}-{one}", "sdist", 1, f"{number:032}{one + 100:032}", now) for one in range(5)]
        services.record_release(project, version=f"8.{number}", uploaded_at=now, urls=[], files=files)

    counts = []
    for number in range(8):
        stage(number)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            owner.get(PAGE)
        counts.append(len(asked))
    assert max(counts[1:]) <= 15, counts
    assert len(set(counts[1:])) == 1


def test_what_the_confirmation_left_out_is_not_published(
    staged: StagedRelease, send: Send, owner: Client, kim: User
) -> None:
    """It was refused when the factor was asked for, and could be published when it was shown."""
    Project.objects.update(guards={"two_step": "another"})
    send(wheel_name(version="1.1"), wheel(version="1.1"), of=("sample", "1.1"), by=mint(kim).text)
    asked = click(owner, "publish")
    assert "Publish 1 release:" in owner.get(asked["Location"]).content.decode()
    Project.objects.update(guards={"two_step": "on"})
    owner.post(asked["Location"], {"code": fresh_code(owner)})
    assert list(File.objects.values_list("filename", flat=True)) == [wheel_name()]
    assert "sample 1.1: You confirmed the other releases, but not this one." in words(owner)


def test_where_keys_are_asked_an_app_publishes_nothing(staged: StagedRelease, owner: Client, kim: User) -> None:
    give_key(kim)
    Project.objects.update(guards={"two_step": "on", "second_factor": "key"})
    asked = click(owner, "publish")
    owner.post(asked["Location"], {"code": fresh_code(owner)})
    assert not File.objects.exists()
    asked = click(owner, "discard")
    assert asks_for_factor(asked)
    owner.post(asked["Location"], {"code": fresh_code(owner)})
    assert StagedRelease.objects.get().waits


def test_who_lacks_the_factor_of_the_project_is_told_and_chooses_nothing(staged: StagedRelease, owner: Client) -> None:
    seen = boxes(owner)
    Project.objects.update(guards={"two_step": "on", "second_factor": "key"})
    assert "This project asks for a security key." in words(owner)
    assert boxes(owner) == []
    assert not asks_for_factor(click(owner, "discard", seen))
    assert StagedRelease.objects.get().waits
