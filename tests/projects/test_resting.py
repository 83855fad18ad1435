"""Roles that rest: who is told when, what ends a rest, and that no clock, outage or second worker ends one early."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects import holds, rests
from recoverydesk.projects.models import Project, Role
from tests.helpers import factories
from tests.helpers.meanwhile import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TICKET = 7
TO_OWNERS, TO_ITSELF = "recovery_role_rests", "recovery_own_role_rests"


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


def rest(user: User, *projects: Project) -> Role:
    """The user's roles in these projects rest since now; the first of them."""
    assert holds.hold(user, [one.name for one in projects], actor="system", ticket=TICKET) == len(projects)
    return Role.objects.get(user=user, project=projects[0])


def pass_days(days: float) -> None:
    """So many days go by."""
    for column in ("held_at", "rest_told_at"):
        Role.objects.filter(held_at__isnull=False).update(**{column: F(column) - days * DAY})


def told(kind: str) -> list[tuple[str, str]]:
    """State and recipient of each mail of the kind, in the order they were queued."""
    return [(mail.context["state"], mail.recipient) for mail in Mail.objects.filter(kind=kind).order_by("id")]


def acts(role: Role) -> bool:
    role.refresh_from_db()
    return role.held_at is None


# The way of a rest ----------------------------------------------------------------------------------------------------


def test_a_rest_is_told_of_three_times_and_ends_by_itself_after_thirty_days(ada: User, kim: User) -> None:
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    role = rest(ada, project)
    seen = []
    for _day in range(31):
        seen.append((rests.sweep(), len(told(TO_OWNERS))))
        pass_days(1)
    to_kim = [("begun", "kim@example.org"), ("middle", "kim@example.org"), ("last", "kim@example.org")]
    assert told(TO_OWNERS) == to_kim
    assert [day for day, (done, _mails) in enumerate(seen) if done] == [0, 15, 27, 30]
    assert told(TO_ITSELF) == [("begun", "ada@example.org"), ("time", "ada@example.org")]
    assert acts(role)
    event = Event.objects.get(tag=Tag.PROJECT_ROLE_RELEASE)
    assert (event.data, event.actor_name, event.ticket) == ({"how": "time"}, "system", TICKET)
    assert rests.sweep() == 0


def test_the_sole_owner_of_a_critical_project_is_not_shut_out_for_ever(ada: User) -> None:
    role = rest(ada, factories.make_project("tool", ada, critical=True))
    run_through()
    assert acts(role)
    assert told(TO_OWNERS) == []


def run_through(days: int = 40) -> None:
    """A sweep every day."""
    for _day in range(days):
        rests.sweep()
        pass_days(1)


def test_in_a_critical_project_with_another_owner_no_time_ends_it(ada: User, kim: User) -> None:
    project = factories.make_project("tool", ada, critical=True)
    factories.add_role(project, kim)
    role = rest(ada, project)
    run_through(100)
    assert not acts(role)
    assert [state for state, _who in told(TO_OWNERS)] == ["begun", "middle", "last"]
    assert Mail.objects.filter(kind=TO_OWNERS).first().context["roles"] == [  # type: ignore[union-attr]
        {"name": "tool", "ends": "", "owned": True}
    ]


def nobody(_role: Role) -> None:
    """The other owner left."""
    _role.delete()


def invited(role: Role) -> None:
    Role.objects.filter(pk=role.pk).update(accepted_at=None)


def maintains(role: Role) -> None:
    Role.objects.filter(pk=role.pk).update(kind=Role.Kind.MAINTAINER)


def rests_too(role: Role) -> None:
    Role.objects.filter(pk=role.pk).update(held_at=Now(), held_for=8, rest_told_at=Now())


def closed(role: Role) -> None:
    User.objects.filter(pk=role.user_id).update(is_active=False)


def frozen(role: Role) -> None:
    User.objects.filter(pk=role.user_id).update(frozen_at=Now())


@pytest.mark.parametrize(
    ("change", "ends"),
    [(nobody, True), (invited, True), (maintains, True), (rests_too, True), (closed, True), (frozen, False)],
)
def test_who_counts_as_another_owner_of_a_critical_project(ada: User, kim: User, change: Any, ends: bool) -> None:
    project = factories.make_project("tool", ada, critical=True)
    change(factories.add_role(project, kim))
    role = rest(ada, project)
    run_through(31)
    assert acts(role) == ends


def test_of_two_owners_of_a_critical_project_who_both_rest_the_first_to_act_decides_about_the_other(
    ada: User, kim: User
) -> None:
    project = factories.make_project("tool", ada, critical=True)
    factories.add_role(project, kim)
    first = rest(ada, project)
    run_through(10)
    second = rest(kim, project)
    run_through(100)
    assert (acts(first), acts(second)) == (True, False)
    assert list(holds.releasable_by(ada)) == [second]


# What ends nothing early ----------------------------------------------------------------------------------------------


def test_the_thirty_days_count_from_the_first_notice(ada: User) -> None:
    """A worker that did not run, or a rest that began under a release that told nobody."""
    role = rest(ada, factories.make_project("tool", ada))
    pass_days(40)
    assert rests.sweep() == 1
    assert not acts(role)
    pass_days(29)
    rests.sweep()
    assert not acts(role)
    assert told(TO_ITSELF) == [("begun", "ada@example.org")]


def test_a_last_notice_that_was_late_leaves_its_three_days(ada: User, kim: User) -> None:
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    role = rest(ada, project)
    rests.sweep()
    pass_days(50)
    rests.sweep()
    assert [state for state, _who in told(TO_OWNERS)] == ["begun", "last"]  # the middle is over
    (said,) = holds.describe(holds.resting())
    assert said.ends_at is not None
    role.refresh_from_db()
    assert role.rest_told_at is not None
    assert said.ends_at == role.rest_told_at + 3 * DAY
    pass_days(2.9)
    assert (rests.sweep(), acts(role)) == (0, False)
    pass_days(0.2)
    assert (rests.sweep(), acts(role)) == (1, True)


def test_a_clock_that_was_ahead_for_a_moment_ends_nothing(ada: User, kim: User) -> None:
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    role = rest(ada, project)
    rests.sweep()
    pass_days(60)
    rests.sweep()
    rests.sweep()
    assert not acts(role)


def test_a_frozen_account_rests_until_it_is_opened(ada: User) -> None:
    role = rest(ada, factories.make_project("tool", ada))
    User.objects.filter(pk=ada.pk).update(frozen_at=Now(), frozen_by="staff")
    run_through()
    assert not acts(role)
    User.objects.filter(pk=ada.pk).update(frozen_at=None)
    rests.sweep()
    assert acts(role)


def test_a_second_reset_begins_the_rest_anew(ada: User) -> None:
    project = factories.make_project("tool", ada)
    role = rest(ada, project)
    run_through(29)
    holds.hold(ada, ["tool"], actor="system", ticket=TICKET + 1)
    run_through(29)
    assert not acts(role)
    run_through(2)
    assert acts(role)
    assert [mail.reference for mail in Mail.objects.filter(kind=TO_ITSELF).order_by("id")] == [
        "ticket:7", "ticket:8", "ticket:8",
    ]  # fmt: skip


def test_a_yes_for_an_earlier_reset_ends_no_later_rest(ada: User) -> None:
    project = factories.make_project("tool", ada)
    stale = rest(ada, project)
    holds.hold(ada, ["tool"], actor="system", ticket=TICKET + 1)
    assert holds.release(stale, actor="system", how="owner") is False
    assert not acts(stale)


# Mails ----------------------------------------------------------------------------------------------------------------


def test_one_mail_names_all_projects_of_an_owner_and_nobody_elses(ada: User, kim: User) -> None:
    lee, shared = factories.make_user("lee"), []
    for name in ("one", "two"):
        shared.append(factories.make_project(name, ada, critical=name == "two"))
        factories.add_role(shared[-1], kim)
    factories.add_role(shared[1], lee)
    alone = factories.make_project("three", ada, critical=True)
    rest(ada, *shared, alone)
    assert rests.sweep() == 3
    names = {
        mail.recipient: [(one["name"], bool(one["ends"])) for one in mail.context["roles"]]
        for mail in Mail.objects.filter(kind__in=(TO_OWNERS, TO_ITSELF))
    }
    assert names == {
        "kim@example.org": [("one", True), ("two", False)],
        "lee@example.org": [("two", False)],
        "ada@example.org": [("one", True), ("three", True), ("two", False)],
    }


def test_a_hundred_projects_are_twenty_names_and_a_number(ada: User) -> None:
    rest(ada, *(factories.make_project(f"tool{number}", ada) for number in range(25)))
    rests.sweep()
    context = Mail.objects.get(kind=TO_ITSELF).context
    assert (len(context["roles"]), context["more"]) == (20, 5)


# Many workers ---------------------------------------------------------------------------------------------------------


def test_a_second_sweep_does_nothing_and_asks_two_questions(
    ada: User, kim: User, django_assert_num_queries: Any
) -> None:
    project = factories.make_project("tool", ada, critical=True)
    factories.add_role(project, kim)
    rest(ada, project)
    rests.sweep()
    mails, events = Mail.objects.count(), Event.objects.count()
    pass_days(10)
    with django_assert_num_queries(2):
        assert rests.sweep() == 0
    assert (Mail.objects.count(), Event.objects.count()) == (mails, events)


def test_a_notice_asks_as_often_for_one_project_as_for_nine(
    ada: User, kim: User, django_assert_max_num_queries: Any
) -> None:
    projects = [factories.make_project(f"tool{number}", ada) for number in range(9)]
    for project in projects:
        factories.add_role(project, kim)
    rest(ada, *projects)
    with django_assert_max_num_queries(18):
        assert rests.sweep() == 9


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_tell_once_and_end_once() -> None:
    ada, kim = factories.make_user("ada"), factories.make_user("kim")
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    role = rest(ada, project)
    for state, days in (("begun", 15), ("middle", 12), ("last", 3)):
        assert sorted(at_once(lambda _number: rests.sweep(), 4)) == [0, 0, 0, 1]
        assert told(TO_OWNERS)[-1][0] == state
        pass_days(days)
    assert sorted(at_once(lambda _number: rests.sweep(), 4)) == [0, 0, 0, 1]
    assert acts(role)
    assert Mail.objects.filter(kind__in=(TO_OWNERS, TO_ITSELF)).count() == 5
    assert Event.objects.filter(tag=Tag.PROJECT_ROLE_RELEASE).count() == 1
