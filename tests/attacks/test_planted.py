"""A thief plants a boundary in somebody else's evidence: nothing that others give an account ever reaches its list."""

from collections.abc import Callable
from datetime import datetime

import pytest

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services as projects
from recoverydesk.projects.models import Project
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.attacker import admins_reset, ask, confirm, days_pass, offer, push, ticket
from tests.helpers.tickets import DAY, age_factors

pytestmark = pytest.mark.django_db
BAIT = [("Source", "https://github.com/thief/bait")]


@pytest.fixture
def victim(db: None) -> User:
    """An owner of one project that names no repository."""
    user = factories.make_user("ada")
    factories.add_totp(user)
    factories.make_project("tool", user)
    return age_factors(user)


@pytest.fixture
def bait(db: None) -> Project:
    return factories.make_project("bait", factories.make_user("thief"), urls=BAIT)


def long_ago() -> datetime:
    return database_now() - 300 * DAY


def invite(bait: Project, user: User) -> None:
    factories.add_role(bait, user, since=long_ago(), accepted=False)


def give(bait: Project, user: User) -> None:
    """What an owner may do without asking the other."""
    thief = bait.roles.get().user
    projects.add_role(user, bait, "owner", actor=thief, created_at=long_ago())


def lure(bait: Project, user: User) -> None:
    """The other accepted recently."""
    factories.add_role(bait, user, since=database_now() - 29 * DAY)


PLANTS: list[Callable[[Project, User], None]] = [invite, give, lure]
planted = pytest.mark.parametrize("plant", PLANTS)


def case() -> policy.Case:
    return cases.read_case(ticket(), database_now())


def asked() -> list[str]:
    return [str(row) for row in ticket().boundaries.filter(kind="asked")]


@planted
def test_a_planted_boundary_leaves_the_seven_days_of_an_account_without_one(
    victim: User, bait: Project, plant: Callable[[Project, User], None]
) -> None:
    plant(bait, victim)
    ask()
    assert not asked()
    confirm()
    push()
    assert (ticket().status, policy.doubt(case())) == (Status.WAITING, 2)
    days_pass(6.9)
    assert ticket().status == Status.WAITING
    assert admins_reset("grace") is None
    days_pass(0.2)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is not None


@planted
def test_a_planted_boundary_is_not_the_one_that_a_new_contact_needs(
    victim: User, bait: Project, plant: Callable[[Project, User], None]
) -> None:
    plant(bait, victim)
    ask(claim="email", contact="thief@example.com")
    confirm("thief@example.com")
    offer("password", factories.PASSWORD, "thief@example.com")
    push()
    days_pass(13)
    days_pass(2)
    assert policy.Missing.ONE_BOUNDARY in policy.missing(case(), database_now(), cases.numbers())
    assert admins_reset() is None
    assert not RecoveryTicket.objects.filter(status=Status.COMPLETED).exists()


@planted
def test_a_planted_repository_of_the_same_owner_proves_nothing(
    bait: Project, plant: Callable[[Project, User], None]
) -> None:
    """Who may push to one repository of an organisation may not to the subject's."""
    ada = factories.make_user("ada")
    factories.add_totp(ada)
    factories.make_project("tool", ada, urls=[("Source", "https://github.com/guild/tool")])
    urls = [("Source", "https://github.com/guild/sandbox")]
    projects.record_release(bait, version="2.0", uploaded_at=long_ago(), urls=urls)
    plant(bait, ada)
    ask()
    row = ticket().boundaries.get(namespace="guild")
    assert [one["repository"] for one in row.repositories] == ["tool"]


@planted
def test_a_planted_link_revives_no_boundary_that_retired(bait: Project, plant: Callable[[Project, User], None]) -> None:
    """The thief registered the name the owner gave up."""
    ada, now = factories.make_user("ada"), database_now()
    factories.add_totp(ada)
    tool = factories.make_project("tool", ada, urls=[("Source", "https://github.com/old-name/tool")])
    for version, days in (("2.0", 500), ("3.0", 20)):
        urls = [("Source", "https://github.com/new-name/tool")]
        projects.record_release(tool, version=version, uploaded_at=now - days * DAY, urls=urls)
    projects.record_release(
        bait, version="2.0", uploaded_at=now - 60 * DAY, urls=[("Source", "https://github.com/old-name/tool")]
    )  # fmt: skip
    plant(bait, ada)
    ask()
    assert asked() == ["github.com/new-name"]


@planted
def test_what_is_planted_after_the_request_holds_nothing_up(
    victim: User, bait: Project, plant: Callable[[Project, User], None]
) -> None:
    ask()
    confirm()
    days_pass(7.1)
    assert ticket().status == Status.READY
    plant(bait, victim)
    outcome = admins_reset("grace")
    assert outcome is not None
    assert not outcome.sent_back
    assert not ticket().boundaries.exists()
