"""The status of a project: who gives which, and who hears of it. What the index makes of it: tests/upload."""

import time

import pytest
from django.utils import timezone

from accounts import decisions
from accounts.mail.models import Mail
from accounts.models import User
from accounts.services import ReasonMissing
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects import holds, project_status, services, withdrawals
from recoverydesk.projects.models import Project, Role
from tests.helpers import factories

pytestmark = pytest.mark.django_db
REASON = "It carries a virus."


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


@pytest.fixture
def tool(ada: User) -> Project:
    return factories.make_project("tool", ada)


@pytest.fixture
def boss(db: None) -> User:
    return factories.make_user("max", staff=True, groups=["Admins"])


def stands(project: Project) -> tuple[str, str]:
    project.refresh_from_db()
    return project.status, project.status_reason


def told() -> list[str]:
    """What the events say, oldest first."""
    found = Event.objects.filter(tag=Tag.PROJECT_STATUS).order_by("id")
    return [event.data["status"] for event in found]


def quarantine(project: Project, boss: User, status: str = "quarantined") -> bool:
    project.refresh_from_db()
    confirmed = decisions.Confirmation(project_status.setting(project, status), boss.pk, time.time())
    return project_status.set_status_as_staff(project, status, actor=boss, reason=REASON, confirmed=confirmed)


def test_an_owner_archives_and_opens_again_and_every_owner_hears(ada: User, kim: User, tool: Project) -> None:
    factories.add_role(tool, kim)
    serial = tool.serial
    assert project_status.set_status(tool, "archived", actor=ada, reason=" moved on ")
    assert stands(tool) == ("archived", "moved on")
    assert tool.serial > serial
    assert not project_status.set_status(tool, "archived", actor=kim, reason="moved on")
    assert project_status.set_status(tool, "deprecated", actor=kim)
    assert project_status.set_status(tool, "active", actor=ada)
    assert stands(tool) == ("active", "")
    assert told() == ["archived", "deprecated", "active"]
    assert Mail.objects.filter(kind="release_changed").count() == 6


def _maintains(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim, kind=Role.Kind.MAINTAINER)


def _rests(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim)
    holds.hold(kim, ["tool"], actor="system", ticket=7)


def _elsewhere(kim: User, _tool: Project) -> None:
    factories.make_project("other", kim)


@pytest.mark.parametrize("standing", [_maintains, _rests, _elsewhere])
def test_who_is_no_acting_owner_changes_nothing(kim: User, tool: Project, standing: object) -> None:
    standing(kim, tool)  # type: ignore[operator]
    with pytest.raises(services.NotProjectOwner):
        project_status.set_status(tool, "archived", actor=kim)
    assert stands(tool) == ("active", "")


def test_a_recovered_owner_waits(ada: User, tool: Project) -> None:
    User.objects.filter(pk=ada.pk).update(quarantined_at=timezone.now())
    with pytest.raises(withdrawals.ReleasesInQuarantine):
        project_status.set_status(tool, "archived", actor=ada)


def test_only_staff_quarantine_and_end_it(ada: User, tool: Project, boss: User) -> None:
    with pytest.raises(project_status.StatusOfStaff):
        project_status.set_status(tool, "quarantined", actor=ada)
    assert quarantine(tool, boss)
    assert stands(tool) == ("quarantined", REASON)
    with pytest.raises(project_status.StatusOfStaff):
        project_status.set_status(tool, "active", actor=ada)
    assert quarantine(tool, boss, "active")
    assert told() == ["quarantined", "active"]
    assert Mail.objects.latest("pk").context["username"] == ""


def test_staff_need_a_right_a_reason_a_factor_and_no_role(tool: Project, boss: User) -> None:
    refused = [
        (factories.make_user("mod", staff=True, groups=["Moderators"]), "quarantined", project_status.StatusOfStaff),
        (boss, "archived", project_status.StatusOfStaff),
        (boss, "quarantined", decisions.ConfirmationNeeded),
    ]
    for actor, status, error in refused:
        with pytest.raises(error):
            project_status.set_status_as_staff(tool, status, actor=actor, reason=REASON)
    with pytest.raises(ReasonMissing):
        project_status.set_status_as_staff(tool, "quarantined", actor=boss, reason="no")
    factories.add_role(tool, boss, accepted=False)
    with pytest.raises(project_status.StatusOfStaff):
        quarantine(tool, boss)
    assert told() == []


def test_a_status_that_is_none_is_no_status(ada: User, tool: Project) -> None:
    with pytest.raises(ValueError, match="gone"):
        project_status.set_status(tool, "gone", actor=ada)
    with pytest.raises(withdrawals.UnfitReason):
        project_status.set_status(tool, "archived", actor=ada, reason="two\nlines")
