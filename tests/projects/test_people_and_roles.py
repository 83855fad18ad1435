"""Who stands where, and the verbs that change it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects import people, roles, services
from recoverydesk.projects.models import Project, Role
from tests.helpers.factories import add_app
from tests.helpers.projects import MakeProject, MakeUser, own


def quarantine(user: User, *, hours_left: int | None) -> None:
    now = timezone.now()
    user.quarantined_at = now - timedelta(hours=1)
    user.quarantine_until = None if hours_left is None else now + timedelta(hours=hours_left)
    user.save()


def test_co_owners_are_other_accepted_owners_each_once(
    ada: User, kim: User, make_user: MakeUser, make_project: MakeProject
) -> None:
    first, second = make_project("first"), make_project("second")
    maintainer, invited, stranger = map(make_user, ("maintainer", "invited", "stranger"))
    for project in (first, second):
        own(kim, project)
        own(ada, project)
    own(maintainer, first, kind="maintainer")
    services.add_role(invited, first, "owner", actor="system", invited=True)
    own(stranger, make_project("elsewhere"))
    assert people.co_owners(ada) == [kim]
    assert [people.co_owns(user, ada) for user in (kim, maintainer, invited, stranger, ada)] == [True, *[False] * 4]


def test_whoever_invites_a_stranger_is_no_co_owner_of_theirs(ada: User, kim: User, spam: Project) -> None:
    own(kim, spam)
    services.add_role(ada, spam, "owner", actor=kim, invited=True)
    assert people.co_owners(ada) == []
    assert not people.co_owns(kim, ada)


def test_standing_counts_roles_and_no_invitations(ada: User, spam: Project, make_project: MakeProject) -> None:
    assert people.standing(ada) == people.Standing(projects=0, critical=False)
    own(ada, spam, since="2024-01-01")
    critical = make_project("critical")
    Project.objects.filter(pk=critical.pk).update(critical=True)
    services.add_role(ada, critical, "maintainer", actor="system", invited=True)
    assert people.standing(ada) == people.Standing(projects=1, critical=False)


def test_each_question_is_one_query(ada: User, kim: User, spam: Project, django_assert_num_queries: object) -> None:
    own(ada, spam)
    own(kim, spam)
    for ask in (
        lambda: people.standing(ada),
        lambda: people.co_owners(ada),
        lambda: people.co_owns(kim, ada),
    ):
        with django_assert_num_queries(1):  # type: ignore[operator]
            ask()


# Verbs ---------------------------------------------------------------------------------------------------------------


def test_an_owner_gives_changes_and_takes_a_role_with_an_event_each(ada: User, kim: User, spam: Project) -> None:
    own(ada, spam)
    add_app(kim)
    role = services.add_role(kim, spam, "maintainer", actor=ada)
    assert role.accepted_at is None
    services.change_role(role, "owner", actor=ada)
    services.accept_role(role, actor=kim)
    services.remove_role(role, actor=ada)
    assert not Role.objects.filter(user=kim).exists()
    events = Event.objects.filter(subject_uid=kim.uid, project_uid=spam.uid).order_by("id")
    assert [(event.actor_uid, event.tag) for event in events] == [
        (ada.uid, "project:role:invite"), (ada.uid, "project:role:change"), (kim.uid, "project:role:add"),
        (ada.uid, "project:role:remove"),
    ]  # fmt: skip


def test_nobody_but_the_invited_accepts_and_only_once(ada: User, kim: User, spam: Project) -> None:
    own(ada, spam)
    role = services.add_role(kim, spam, "owner", actor=ada)
    with pytest.raises(services.RoleError):
        services.accept_role(role, actor=ada)
    quarantine(kim, hours_left=None)
    with pytest.raises(services.RolesInQuarantine):
        services.accept_role(role, actor=kim)
    quarantine(kim, hours_left=-1)
    with pytest.raises(services.NoFactor):
        services.accept_role(role, actor=kim)
    add_app(kim)
    assert services.accept_role(role, actor=kim).accepted_at
    with pytest.raises(services.RoleError):
        services.accept_role(role, actor=kim)


def test_changing_a_role_to_what_it_is_writes_nothing(ada: User, spam: Project) -> None:
    role = own(ada, spam)
    events = Event.objects.count()
    services.change_role(role, "owner", actor=ada)
    assert Event.objects.count() == events


def test_a_second_role_in_one_project_is_refused(ada: User, spam: Project) -> None:
    own(ada, spam)
    with pytest.raises(services.RoleExists):
        services.add_role(ada, spam, "maintainer", actor="system")


@pytest.mark.parametrize("standing", ["stranger", "maintainer", "invited owner"])
def test_only_an_accepted_owner_acts_for_a_project(ada: User, kim: User, spam: Project, standing: str) -> None:
    role = own(ada, spam)
    if standing != "stranger":
        kind = standing.split()[-1]
        services.add_role(kim, spam, kind, actor="system", invited="invited" in standing)
    with pytest.raises(services.NotProjectOwner):
        services.change_role(role, "maintainer", actor=kim)
    with pytest.raises(services.NotProjectOwner):
        services.remove_role(role, actor=kim)


def test_anybody_may_leave_but_not_the_last_owner(ada: User, kim: User, spam: Project) -> None:
    last, maintainer = own(ada, spam), own(kim, spam, kind="maintainer")
    services.remove_role(maintainer, actor=kim)
    for refused in (
        lambda: services.remove_role(last, actor=ada),
        lambda: services.change_role(last, "maintainer", actor=ada),
    ):
        with pytest.raises(services.LastOwner):
            refused()
    assert Role.objects.get() == last


@pytest.mark.parametrize("hours_left", [None, 1])
def test_an_account_in_quarantine_changes_no_role(ada: User, kim: User, spam: Project, hours_left: int | None) -> None:
    own(ada, spam)
    other = own(kim, spam)
    quarantine(ada, hours_left=hours_left)
    events = Event.objects.count()
    for refused in (
        lambda: services.add_role(kim, spam, "owner", actor=ada),
        lambda: services.change_role(other, "maintainer", actor=ada),
        lambda: services.remove_role(other, actor=ada),
    ):
        with pytest.raises(services.RolesInQuarantine):
            refused()
    assert Role.objects.get(pk=other.pk).kind == "owner"
    assert Event.objects.count() == events


def test_nobody_gives_rights_to_an_account_in_quarantine_but_owners_may_take_them(
    ada: User, kim: User, spam: Project, make_project: MakeProject
) -> None:
    own(ada, spam)
    role = own(kim, spam, kind="maintainer")
    quarantine(kim, hours_left=None)
    with pytest.raises(services.RolesInQuarantine):
        services.change_role(role, "owner", actor=ada)
    with pytest.raises(services.RolesInQuarantine):
        services.add_role(kim, make_project("eggs"), "owner", actor="system")
    services.remove_role(role, actor=ada)
    assert not Role.objects.filter(user=kim).exists()


def test_quarantine_ends_by_the_database_clock(ada: User, kim: User, spam: Project) -> None:
    own(ada, spam)
    quarantine(ada, hours_left=-1)
    assert services.add_role(kim, spam, "maintainer", actor=ada).pk


# Invitations ---------------------------------------------------------------------------------------------------------


def invite(user: User, project: Project, owner: User, *, days_ago: float = 0) -> Role:
    role = services.add_role(user, project, "maintainer", actor=owner)
    Role.objects.filter(pk=role.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return role


def test_an_invitation_ends_after_seven_days_and_can_be_sent_again(ada: User, kim: User, spam: Project) -> None:
    own(ada, spam)
    add_app(kim)
    role = invite(kim, spam, ada, days_ago=7.01)
    assert not roles.invitations(kim).exists()
    for verb in (services.accept_role, services.decline_role):
        with pytest.raises(services.InvitationOver):
            verb(role, actor=kim)
    again = invite(kim, spam, ada, days_ago=6.9)
    assert list(roles.invitations(kim)) == [again]
    with pytest.raises(services.RoleExists):
        services.add_role(kim, spam, "owner", actor=ada)
    assert services.accept_role(again, actor=kim).accepted_at


def test_only_the_invited_declines_and_only_while_it_is_open(ada: User, kim: User, spam: Project) -> None:
    own(ada, spam)
    role = invite(kim, spam, ada)
    with pytest.raises(services.RoleError):
        services.decline_role(role, actor=ada)
    quarantine(kim, hours_left=None)
    with pytest.raises(services.RolesInQuarantine):
        services.decline_role(role, actor=kim)
    quarantine(kim, hours_left=-1)
    services.decline_role(role, actor=kim)
    assert not Role.objects.filter(user=kim).exists()
    assert Event.objects.latest("id").tag == Tag.ACCOUNT_ROLE_DECLINE_INVITE


def test_every_change_by_a_person_is_mailed_to_every_owner_and_to_whom_it_is_about(
    ada: User, kim: User, spam: Project, make_user: MakeUser
) -> None:
    own(ada, spam)
    own(make_user("bo"), spam)
    own(make_user("mia"), spam, kind="maintainer")
    assert not Mail.objects.filter(kind="role_changed").exists()
    add_app(kim)
    role = services.add_role(kim, spam, "maintainer", actor=ada)
    services.accept_role(role, actor=kim)
    services.change_role(role, "owner", actor=ada)
    services.remove_role(role, actor=kim)
    for mail in Mail.objects.filter(kind="role_changed"):
        outbox.render(mail)
    told: dict[str, set[str]] = {}
    for mail in Mail.objects.filter(kind="role_changed"):
        told.setdefault(mail.context["state"], set()).add(mail.recipient)
    everybody = {"ada@example.org", "bo@example.org", "kim@example.org"}
    assert told == dict.fromkeys(("invited", "accepted", "is owner", "removed"), everybody)


@pytest.mark.parametrize("typed", ["kim", " @Kim ", "`kim`"])
def test_an_owner_invites_by_a_name_as_people_write_it(ada: User, kim: User, spam: Project, typed: str) -> None:
    roles.add_role(ada, spam, "owner", actor="operator")
    assert roles.invite(typed, spam, "maintainer", actor=ada).user == kim


@pytest.mark.parametrize("typed", ["nobody", "kim@example.org", "", "k i m"])
def test_an_invitation_tells_nobody_whose_an_address_is(ada: User, kim: User, spam: Project, typed: str) -> None:
    roles.add_role(ada, spam, "owner", actor="operator")
    with pytest.raises(roles.Unknown):
        roles.invite(typed, spam, "maintainer", actor=ada)
