"""What a reset leaves standing still: which roles rest, what people read about it, and whose yes ends it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.invariants.rules import check_rules
from recoverydesk.projects import holds, rests, roles
from recoverydesk.projects import services as projects
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery import errors, hooks
from recoverydesk.recovery.after_reset import held_roles
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import signed_in
from recoverydesk.recovery.workflow import resets
from tests.helpers import decided, factories
from tests.helpers.desk import browser, page
from tests.helpers.tickets import REASON, acting, add_boundary, make_admin, make_ticket

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PER_ROLE = 2  # queries
BESIDE = "/recover/beside/"
TO_OWNERS, TO_ITSELF = "recovery_role_rests", "recovery_own_role_rests"


@pytest.fixture
def ada(db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


@pytest.fixture
def kim(db: None) -> User:
    user = factories.make_user("kim")
    factories.add_totp(user)
    return user


@pytest.fixture
def shared(ada: User, kim: User) -> Project:
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    return project


@pytest.fixture
def reset_ticket(ada: User, shared: Project) -> RecoveryTicket:
    """The ticket after whose reset ada's role in the shared project rests."""
    ticket = make_ticket(ada, Status.COMPLETED)
    holds.hold(ada, [shared.name], actor="system", ticket=ticket.pk)
    User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    return ticket


def role_of(user: User, name: str = "tool") -> Role:
    return Role.objects.get(user=user, project__name=name)


def pass_days(days: float) -> None:
    for column in ("held_at", "rest_told_at"):
        Role.objects.filter(held_at__isnull=False).update(**{column: F(column) - days * DAY})


def words(user: User, path: str) -> str:
    """The page as this person reads it."""
    client = Client()
    client.force_login(user)
    return " ".join(client.get(path).content.decode().split())


# What rests after a reset, and what is gone ---------------------------------------------------------------------------


def let_back_in(user: User, **fields: Any) -> RecoveryTicket:
    """A second-factor ticket of this account, requested two days ago unless said otherwise, is reset now."""
    ticket = make_ticket(user, Status.READY, **fields)
    add_boundary(ticket, proved=True)
    outcome = decided.reset(ticket.pk, actor=acting(make_admin()), reason=REASON)
    assert not outcome.sent_back
    return outcome.ticket


def test_a_role_younger_than_thirty_days_at_the_request_rests_and_an_older_one_acts(ada: User) -> None:
    now = database_now()
    requested = now - 2 * DAY
    for name, since in {
        "old": requested - 30 * DAY, "young": requested - 30 * DAY + timedelta(minutes=1), "later": now - DAY,
    }.items():  # fmt: skip
        factories.add_role(factories.make_project(name), ada, since=since)
    ticket = let_back_in(ada, requested_at=requested)
    resting = {role.project.name: role.held_for for role in Role.objects.select_related("project").filter(user=ada)}
    assert resting == {"old": None, "young": ticket.pk, "later": ticket.pk}
    held = Event.objects.filter(tag=Tag.PROJECT_ROLE_HOLD, ticket=ticket.pk)
    assert held.count() == 2
    assert Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_RESET).data["roles"] == 2


@pytest.mark.thorough
def test_the_sole_owner_of_a_project_three_weeks_old_acts_again_after_thirty_days(ada: User) -> None:
    factories.add_role(factories.make_project("tool", critical=True), ada, since=database_now() - 21 * DAY)
    let_back_in(ada)
    days, wrong = 0, what_is_wrong()
    while role_of(ada).held_at is not None:
        sweep.sweep()
        pass_days(1)
        days += 1
        assert days < 40
    assert days == 31
    assert what_is_wrong() == wrong


def what_is_wrong() -> set[str]:
    """The invariants that do not hold; those of how `make_ticket` made its row are among them."""
    return {one.rule for one in check_rules()}


def test_a_strangers_invitation_is_gone_after_the_reset_and_its_sender_is_told(ada: User) -> None:
    factories.make_project("own", ada)
    troll = factories.make_user("troll")
    for name in ("bait1", "bait2"):
        projects.add_role(ada, factories.make_project(name, troll), "maintainer", actor=troll)
    ticket = let_back_in(ada)
    assert [role.project.name for role in ada.roles.select_related("project")] == ["own"]
    assert Event.objects.filter(tag=Tag.ACCOUNT_ROLE_REVOKE_INVITE, ticket=ticket.pk, subject_uid=ada.uid).count() == 2
    (told,) = Mail.objects.filter(kind="recovery_invitation_ended")
    assert (told.recipient, told.context["names"]) == ("troll@example.org", ["bait1", "bait2"])
    assert (told.links, ticket.contact in str(told.context)) == ({}, False)


def test_an_invitation_to_an_excepted_project_is_gone_too_and_never_rests(ada: User, kim: User) -> None:
    project = factories.make_project("tool", kim)
    factories.add_role(project, ada, accepted=False)
    assert begin(ada, ["tool"]) == 0
    assert not ada.roles.exists()


def begin(user: User, excepted: list[str]) -> int:
    return rests.begin(user, excepted, requested_at=database_now(), actor="system", ticket=7)


def test_an_invitation_can_be_sent_again_once_the_quarantine_is_over(ada: User, kim: User) -> None:
    project = factories.make_project("tool", kim)
    projects.add_role(ada, project, "maintainer", actor=kim)
    let_back_in(ada)
    ada.refresh_from_db()
    with pytest.raises(projects.RolesInQuarantine):
        projects.add_role(ada, project, "maintainer", actor=kim)
    User.objects.filter(pk=ada.pk).update(quarantine_until=database_now() - DAY)
    ada.refresh_from_db()
    assert projects.add_role(ada, project, "maintainer", actor=kim).accepted_at is None


def test_an_invitation_that_ended_a_moment_ago_is_accepted_by_nobody(
    ada: User, kim: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.add_app(ada)
    role = factories.add_role(factories.make_project("tool", kim), ada, since=database_now(), accepted=False)
    monkeypatch.setattr(roles, "_locked", lambda row: row)  # read just before the reset
    begin(ada, [])
    with pytest.raises(projects.InvitationOver):
        projects.accept_role(role, actor=ada)
    assert not Role.objects.filter(user=ada).exists()


def test_breaking_the_glass_lets_young_roles_rest_and_ends_invitations_too(ada: User, kim: User) -> None:
    factories.add_role(factories.make_project("young"), ada, since=database_now() - 3 * DAY)
    factories.make_project("old", ada)
    factories.add_role(factories.make_project("asked", kim), ada, accepted=False)
    assert resets.break_glass(ada, reason=REASON).roles_held == 1
    assert role_of(ada, "young").held_at is not None
    assert {role.project.name for role in ada.roles.select_related("project")} == {"young", "old"}
    assert role_of(ada, "old").held_at is None


def test_how_many_queries_a_reset_asks_grows_only_with_what_it_changes(ada: User, kim: User) -> None:
    """A role that rests is two, its row and its event, whoever owns the project."""
    counts = []
    for number in range(2):
        for kind in range(2 * number + 1):
            factories.add_role(factories.make_project(f"young{number}{kind}", kim), ada, since=database_now() - DAY)
        with CaptureQueriesContext(connection) as queries:
            begin(ada, [])
        counts.append(len(queries))
    assert counts[1] - counts[0] == 3 * PER_ROLE


# Whose yes ends it ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reset_ticket")
def test_another_owners_yes_ends_it_at_once_and_the_account_hears_so(ada: User, kim: User) -> None:
    rests.sweep()
    held_roles.release(role_of(ada).pk, actor=signed_in(kim, recent=True))
    assert role_of(ada).held_at is None
    assert Event.objects.get(tag=Tag.PROJECT_ROLE_RELEASE).data == {"how": "owner"}
    states = [mail.context["state"] for mail in Mail.objects.filter(kind=TO_ITSELF).order_by("id")]
    assert states == ["begun", "owner"]
    pass_days(40)
    assert rests.sweep() == 0


def maintainer(project: Project, user: User) -> None:
    factories.add_role(project, user, kind=Role.Kind.MAINTAINER)


def invited(project: Project, user: User) -> None:
    factories.add_role(project, user, accepted=False)


def resting(project: Project, user: User) -> None:
    factories.add_role(project, user)
    holds.hold(user, [project.name], actor="system", ticket=99)


def in_quarantine(project: Project, user: User) -> None:
    factories.add_role(project, user)
    User.objects.filter(pk=user.pk).update(quarantined_at=database_now())


def stranger(project: Project, user: User) -> None:
    factories.make_project("elsewhere", user)


@pytest.mark.parametrize("who", [maintainer, invited, resting, in_quarantine, stranger])
def test_nobody_but_an_owner_who_acts_says_yes(
    reset_ticket: RecoveryTicket, ada: User, shared: Project, who: Any
) -> None:
    eve = factories.make_user("eve")
    who(shared, eve)
    eve.refresh_from_db()
    with pytest.raises((errors.RoleHeld, errors.InQuarantine)):
        held_roles.release(role_of(ada).pk, actor=signed_in(eve, recent=True))
    assert role_of(ada).held_at is not None
    refused = Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_REFUSED)
    assert (refused.ticket, refused.actor_uid) == (reset_ticket.pk, eve.uid)


@pytest.mark.usefixtures("reset_ticket")
def test_nobody_says_yes_for_themselves_or_without_a_factor_shown_now(ada: User, kim: User) -> None:
    User.objects.filter(pk=ada.pk).update(quarantined_at=None)
    ada.refresh_from_db()
    with pytest.raises(errors.RoleHeld):
        held_roles.release(role_of(ada).pk, actor=signed_in(ada, recent=True))
    with pytest.raises(errors.StepUpRequired):
        held_roles.release(role_of(ada).pk, actor=signed_in(kim, recent=False))
    assert role_of(ada).held_at is not None


@pytest.mark.usefixtures("reset_ticket")
def test_no_staff_right_ends_a_rest(ada: User) -> None:
    root = factories.make_user("root", superuser=True)
    with pytest.raises(errors.RoleHeld):
        held_roles.release(role_of(ada).pk, actor=signed_in(root, recent=True))
    assert role_of(ada).held_at is not None


# What people read -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reset_ticket")
def test_the_sweep_tells_the_other_owner_with_the_address_of_the_page(kim: User) -> None:
    assert sweep.sweep()["roles"] == 1
    (mail,) = Mail.objects.filter(kind=TO_OWNERS)
    assert mail.recipient == "kim@example.org"
    assert mail.links == {}
    assert "Give ada back the role in tool" in words(kim, BESIDE)


@pytest.mark.usefixtures("reset_ticket")
def test_whose_role_rests_reads_on_every_page_where_and_on_one_until_when(ada: User, shared: Project) -> None:
    rests.sweep()
    assert "Your role is on hold in tool." in words(ada, "/account/security/")
    until = words(ada, BESIDE)
    assert "<li>tool <small> on hold until " in until
    assert "or until another owner gives it back" in until
    Project.objects.filter(pk=shared.pk).update(critical=True)
    assert "on hold until another owner gives it back, because many people depend on this project" in words(ada, BESIDE)


@pytest.mark.usefixtures("reset_ticket")
def test_who_was_never_let_back_in_pays_no_query_for_it(kim: User, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(0):
        assert hooks._resting(kim) == []


def test_staff_see_at_the_ticket_and_at_the_account_what_rests_and_who_may_say_yes(
    reset_ticket: RecoveryTicket, ada: User
) -> None:
    rests.sweep()
    client = browser(make_admin())
    for path in (page(reset_ticket), f"/admin/recovery/recoveryticket/account/{ada.pk}/"):
        shown = " ".join(client.get(path).content.decode().split())
        assert "on hold since" in shown
        assert "Who can give the role back: kim" in shown
        assert "Give the role back" not in shown
