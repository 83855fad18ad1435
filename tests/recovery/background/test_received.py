"""Word for the owner where a person looks before anything is mailed; none for an address somebody typed."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.recovery import workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.attacker import ask, letters, mailed
from tests.helpers.tickets import REASON, add_address, as_staff, make_moderator

pytestmark = pytest.mark.django_db
LINK = "/recover/stop/"


@pytest.fixture
def ada(ada: User, settings: Any) -> User:
    """An owner with two addresses, on a site where a moderator looks at every request first."""
    settings.RECOVERY_AUTO_CHALLENGE = False
    add_address(ada, "ada@second.example")
    return ada


def told() -> list[str]:
    return sorted(Mail.objects.filter(kind="recovery_received").values_list("recipient", flat=True))


def test_every_address_of_the_account_hears_that_a_person_looks_first(ada: User) -> None:
    ask()
    assert RecoveryTicket.objects.get().status == Status.NEW
    assert told() == ["ada@example.org", "ada@second.example"]
    for address in told():
        assert "Our staff look at the request first" in letters(address)[-1]
        assert "000-recovery-" not in letters(address)[-1]
    assert mailed("ada@example.org", "stop") != mailed("ada@second.example", "stop")


def test_asking_again_says_it_once(ada: User) -> None:
    for _again in range(3):
        ask()
    assert len(told()) == 2


def test_its_stop_link_stops_the_request_before_anybody_looked(ada: User) -> None:
    ask()
    Client().post(mailed("ada@second.example", "stop"), {"stop": "1"})
    assert RecoveryTicket.objects.get().status == Status.STOPPED


@pytest.mark.parametrize("claim", ["email", "email_and_second_factor", "other"])
def test_an_address_that_somebody_typed_hears_nothing(ada: User, claim: str) -> None:
    """It would learn that the account exists."""
    ask(claim=claim, contact="thief@new.example")
    assert RecoveryTicket.objects.exists()
    assert mail.outbox == []


def test_where_the_desk_writes_by_itself_there_is_no_second_mail(ada: User, settings: Any) -> None:
    settings.RECOVERY_AUTO_CHALLENGE = True
    ask()
    assert RecoveryTicket.objects.get().status == Status.CHALLENGED
    assert told() == []


def test_a_claim_that_does_not_fit_is_heard_of_even_where_the_desk_writes_by_itself(settings: Any, ada: User) -> None:
    settings.RECOVERY_AUTO_CHALLENGE = True
    factories.make_user("bare")
    ask("bare")
    assert told() == ["bare@example.org"]


@pytest.mark.thorough
def test_the_fourth_opening_in_a_month_says_nothing(ada: User) -> None:
    mod = as_staff(make_moderator())
    for _opening in range(5):
        ask()
        workflow.reject(RecoveryTicket.objects.latest("id").pk, actor=mod, reason=REASON)
        sweep.sweep()
    assert RecoveryTicket.objects.count() == 5
    assert len(told()) == 3 * 2
