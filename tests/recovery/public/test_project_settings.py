"""Who may act for a project: as owner, maintainer, invited, stranger, co-owner with a grudge, recovered owner."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import mail_invitations, roles
from recoverydesk.projects.models import MailInvitation, Project, Role
from tests.helpers import factories
from tests.helpers.signing_in import enter

PAGE = "/projects/spam/settings/"


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


@pytest.fixture
def spam(ada: User) -> Project:
    return factories.make_project("spam", ada)


@pytest.fixture
def owner(client: Client, ada: User, spam: Project) -> Client:
    """Ada has just shown a second factor."""
    return enter(client, ada)


def post(client: Client, **form: Any) -> str:
    """What the page says after it."""
    assert client.post(PAGE, form).status_code == 302
    return client.get(PAGE).content.decode()


def test_an_owner_invites_changes_and_removes(owner: Client, kim: User, spam: Project) -> None:
    assert "The invitation is sent." in post(owner, invite="1", username="KIM ", kind="maintainer")
    role = Role.objects.get(user=kim)
    assert role.accepted_at is None
    assert "The role is changed." in post(owner, role=role.pk, kind="owner")
    assert "The role is removed." in post(owner, role=role.pk, remove="1")
    assert not Role.objects.filter(user=kim).exists()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"invite": "1", "username": "nobody", "kind": "owner"}, "There is no account with this username."),
        ({"invite": "1", "username": "kim@", "kind": "owner"}, "There is no account with this username."),
        (
            {"invite": "1", "username": "kim@example.org", "kind": "king"},
            "We could not change the role: you are not an owner of the project now, or your role is on hold.",
        ),
        ({"withdraw": "1", "invitation": "x"}, "This invitation is over."),
        (
            {"invite": "1", "username": "kim", "kind": "king"},
            "We could not change the role: you are not an owner of the project now, or your role is on hold.",
        ),
        ({"invite": "1", "username": "ada", "kind": "owner"}, "This account already has a role or an invitation"),
        (
            {"role": "0", "remove": "1"},
            "We could not change the role: you are not an owner of the project now, or your role is on hold.",
        ),
        (
            {"role": "x", "kind": "owner"},
            "We could not change the role: you are not an owner of the project now, or your role is on hold.",
        ),
        ({}, "We could not change the role: you are not an owner of the project now, or your role is on hold."),
    ],
)
def test_a_refusal_is_said_in_words(owner: Client, kim: User, form: dict[str, str], said: str) -> None:
    before = list(Role.objects.values())
    assert said in post(owner, **form)
    assert list(Role.objects.values()) == before


def test_the_last_owner_neither_leaves_nor_steps_down(owner: Client, ada: User, kim: User, spam: Project) -> None:
    own = Role.objects.get(user=ada)
    factories.add_role(spam, kim, kind="maintainer")
    for form in ({"remove": "1"}, {"kind": "maintainer"}):
        assert "without an owner" in post(owner, role=own.pk, **form)
    Role.objects.filter(user=kim).update(kind="owner")
    assert owner.post(PAGE, {"role": own.pk, "remove": "1"})["Location"] == "/account/projects/"
    assert list(Role.objects.values_list("user__username", flat=True)) == ["kim"]


def test_a_role_of_another_project_is_out_of_reach(owner: Client, kim: User) -> None:
    other = factories.add_role(factories.make_project("eggs", kim), factories.make_user("bo"))
    assert "We could not change the role: you are not an owner of the project now, or your role is on hold." in post(
        owner, role=other.pk, remove="1"
    )
    assert Role.objects.filter(pk=other.pk).exists()


def test_a_maintainer_may_only_leave(client: Client, ada: User, kim: User, spam: Project) -> None:
    role = factories.add_role(spam, kim, kind="maintainer")
    enter(client, kim)
    html = client.get(PAGE).content.decode()
    assert "Invite somebody" not in html
    for form in ({"role": role.pk, "kind": "owner"}, {"invite": "1", "username": "ada", "kind": "owner"}):
        assert "Only an owner of the project may do this." in post(client, **form)
    assert client.post(PAGE, {"role": role.pk, "remove": "1"})["Location"] == "/account/projects/"


@pytest.mark.parametrize("invited", [True, False])
def test_whoever_has_no_accepted_role_finds_no_page(client: Client, kim: User, spam: Project, invited: bool) -> None:
    if invited:
        factories.add_role(spam, kim, accepted=False, since=database_now())
    client.force_login(kim)
    assert client.get(PAGE).status_code == client.post(PAGE).status_code == 404


@pytest.mark.parametrize("state", ["quarantine", "rest"])
def test_nothing_changes_in_quarantine_or_while_the_role_rests(owner: Client, ada: User, kim: User, state: str) -> None:
    if state == "rest":
        Role.objects.filter(user=ada).update(held_at=database_now(), held_for=1)
    else:
        User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    post(owner, invite="1", username="kim", kind="owner")
    assert not Role.objects.filter(user=kim).exists()


def test_a_change_needs_a_recent_second_factor(client: Client, ada: User, kim: User, spam: Project) -> None:
    factories.add_app(ada)
    client.force_login(ada)
    assert client.get(PAGE).status_code == 200
    client.post(PAGE, {"invite": "1", "username": "kim", "kind": "owner"})
    assert not Role.objects.filter(user=kim).exists()


@pytest.mark.parametrize("address", ["kim@example.org", "nobody@example.org"])
def test_an_address_is_invited_and_nothing_tells_whether_it_has_an_account(
    owner: Client, kim: User, address: str
) -> None:
    said = post(owner, invite="1", username=f" {address.upper()} ", kind="maintainer")
    assert "The invitation is sent." in said
    assert f"<strong>{address}</strong>" in said
    assert not Role.objects.exclude(user__username="ada").exists()
    assert "has a role or an invitation" in post(owner, invite="1", username=address, kind="owner")
    number = MailInvitation.objects.get().pk
    assert "The invitation is withdrawn." in post(owner, withdraw="1", invitation=number)
    assert "This invitation is over." in post(owner, withdraw="1", invitation=number)
    assert address not in owner.get(PAGE).content.decode()


def test_an_address_that_looks_mistyped_is_asked_about_first(owner: Client) -> None:
    typed = {"invite": "1", "username": "kim@gmai.com", "kind": "owner"}
    asked = post(owner, **typed)
    assert "Did you mean kim@gmail.com?" in asked
    assert 'value="kim@gmai.com"' in asked
    assert "address_is_right" not in owner.get(PAGE).content.decode()
    assert "Did you mean" in post(owner, **typed, address_is_right="kim@gmial.com")
    assert not MailInvitation.objects.exists()
    assert "The invitation is sent." in post(owner, **typed, address_is_right="kim@gmai.com")


def test_a_maintainer_reads_no_invited_address(client: Client, ada: User, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim, kind="maintainer")
    made = mail_invitations.invite("lee@example.org", spam, "owner", actor=ada)
    enter(client, kim)
    assert "lee@example.org" not in client.get(PAGE).content.decode()
    assert "Only an owner of the project may do this." in post(client, withdraw="1", invitation=made.pk)


def test_an_invitation_of_another_project_is_not_withdrawn(owner: Client, kim: User) -> None:
    made = mail_invitations.invite("lee@example.org", factories.make_project("eggs", kim), "owner", actor=kim)
    assert "This invitation is over." in post(owner, withdraw="1", invitation=made.pk)
    assert MailInvitation.objects.filter(pk=made.pk).exists()


def test_an_owner_archives_and_everybody_reads_why(owner: Client, spam: Project) -> None:
    assert "The status of the project is changed." in post(owner, status="archived", reason=" moved to <eggs> ")
    for page in ("/projects/spam/", PAGE, "/projects/spam/releases/1.0/"):
        html = " ".join(owner.get(page).content.decode().split())
        assert "This project is archived: it takes no new files. The reason given: moved to &lt;eggs&gt;" in html, page
    post(owner, status="deprecated", reason="")
    assert "its owners ask you to use something else" in Client().get("/projects/spam/").content.decode()
    post(owner, status="active")
    assert "notice warning" not in Client().get("/projects/spam/").content.decode()


@pytest.mark.parametrize(
    ("before", "form", "said"),
    [
        ("active", {"status": "quarantined"}, "Only our staff can put a project in quarantine"),
        ("active", {"status": "gone"}, "Only our staff can put a project in quarantine"),
        ("active", {"status": ""}, "Only our staff can put a project in quarantine"),
        ("active", {"status": "archived", "reason": "a\nb"}, "Give the reason in one line"),
        ("quarantined", {"status": "active"}, "Only our staff can put a project in quarantine"),
    ],
)
def test_a_status_is_refused_in_words(
    owner: Client, spam: Project, before: str, form: dict[str, str], said: str
) -> None:
    Project.objects.update(status=before)
    assert said in post(owner, **form)
    assert Project.objects.get().status == before


def test_a_maintainer_and_a_recovered_owner_change_no_status(
    client: Client, ada: User, kim: User, spam: Project
) -> None:
    factories.add_role(spam, kim, kind="maintainer")
    assert "Only an owner of the project may do this." in post(enter(client, kim), status="archived")
    assert "Change the status" not in client.get(PAGE).content.decode()
    User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    assert "Your account was recovered." in post(enter(Client(), ada), status="archived")
    assert Project.objects.get().status == "active"


def test_invitations_are_limited_by_the_day_for_a_project_and_a_person(ada: User, kim: User, spam: Project) -> None:
    factories.add_role(spam, factories.make_user("bo"))
    for _number in range(roles.INVITATIONS_A_DAY):
        roles.remove_role(roles.invite("kim", spam, "owner", actor=ada), actor=ada)
    for project in (spam, factories.make_project("eggs", ada)):
        with pytest.raises(roles.TooManyInvitations):
            roles.invite("kim", project, "owner", actor=ada)
        with pytest.raises(roles.TooManyInvitations):
            mail_invitations.invite("lee@example.org", project, "owner", actor=ada)
    with pytest.raises(roles.TooManyInvitations):
        roles.invite("kim", spam, "owner", actor=User.objects.get(username="bo"))


def test_an_invitation_that_is_over_is_not_listed(owner: Client, kim: User, spam: Project) -> None:
    factories.add_role(spam, kim, accepted=False, since=database_now() - timedelta(days=8))
    assert "kim" not in owner.get(PAGE).content.decode()
