"""Who may date a request, and what it may link to."""

from typing import Any

import pytest

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services as projects
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source
from recoverydesk.recovery.permissions import SYSTEM, Actor
from tests.helpers import factories
from tests.helpers.tickets import DAY, as_staff, make_moderator, make_root

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(ada: User) -> User:
    """An owner for long; the one release that names a repository is 100 days old."""
    now = database_now()
    links = [("Source", "https://github.com/ada/tool")]
    factories.make_project("tool", ada, urls=links, uploaded_at=now - 100 * DAY)
    return ada


def open_for(subject: User, actor: Actor, days: int, **fields: Any) -> RecoveryTicket:
    return workflow.open_ticket(
        subject=subject, claim=Claim.SECOND_FACTOR, actor=actor, source=Source.STAFF,
        requested_at=database_now() - days * DAY, **fields,
    ).ticket  # fmt: skip


@pytest.mark.parametrize("days", [150, 80])  # before the release, and when its link was too young to count
def test_a_moderator_cannot_make_the_evidence_milder_with_a_date(owner: User, days: int) -> None:
    with pytest.raises(errors.BackDated):
        open_for(owner, as_staff(make_moderator()), days)
    assert not RecoveryTicket.objects.exists()


def test_a_date_that_leaves_out_nothing_of_today_is_the_moderators_to_give(owner: User) -> None:
    thief = [("Source", "https://github.com/mal/tool")]  # published after the request, and shown to be young
    project, yesterday = owner.roles.get().project, database_now() - DAY
    projects.record_release(project, version="9.0", uploaded_at=yesterday, urls=thief)
    ticket = open_for(owner, as_staff(make_moderator()), 3)
    assert [(row.namespace, row.kind) for row in ticket.boundaries.all()] == [("ada", "asked")]


@pytest.mark.parametrize("who", ["system", "superuser"])
def test_the_system_and_superusers_date_a_request_as_it_came(owner: User, who: str) -> None:
    ticket = open_for(owner, SYSTEM if who == "system" else as_staff(make_root()), 150)
    assert not ticket.boundaries.exists()


def test_a_link_to_another_tracker_opens_nothing(owner: User, settings: Any) -> None:
    settings.RECOVERY_ISSUE_TRACKER = "https://tracker.example"
    with pytest.raises(errors.BadIssue):
        open_for(owner, SYSTEM, 0, issue_url="https://tracker.example.evil.test/x")
    assert not RecoveryTicket.objects.exists()
