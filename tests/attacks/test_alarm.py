"""A second factor added, or a recovery code used, while somebody asks for the account: every address hears, and can
stop it."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from accounts import codes as codes_of
from accounts import second_factors
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import doubts, policy
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Status
from tests.helpers import factories
from tests.helpers.attacker import ask, confirm, days_pass, letters, mailed, push, ticket
from tests.helpers.tickets import age_factors

pytestmark = pytest.mark.django_db
STOPS = "Somebody has asked us to let them into this account."


@pytest.fixture
def codes(ada: User) -> list[str]:
    """The recovery codes of ada, made two months ago like all she has."""
    made = factories.add_codes(ada)
    age_factors(ada)
    sweep.sweep()
    mail.outbox.clear()
    Mail.objects.all().delete()
    return made


def enrol(user: User) -> None:
    """Whoever sits in a session of the account adds an app of their own."""
    app = second_factors.start_totp(user, "mine")
    assert second_factors.confirm_totp(user, app, factories.code(codes_of.base32(app.raw_secret())))


def case() -> policy.Case:
    return cases.read_case(ticket(), database_now())


def waiting() -> None:
    ask()
    confirm()
    push()
    days_pass(0.5)
    assert ticket().status == Status.WAITING
    assert policy.doubt(case()) == 1


def test_a_factor_added_meanwhile_counts_as_a_sign_in_and_every_address_can_stop_it(
    ada: User, codes: list[str]
) -> None:
    waiting()
    enrol(ada)
    assert (policy.doubt(case()), ticket().status) == (4, Status.WAITING)
    assert ticket().wait_until is not None
    assert ticket().wait_until > database_now() + timedelta(days=13)  # type: ignore[operator]
    found = doubts.doubt(ticket(), case())
    assert found is not None
    assert "added a second factor to the account, or used a recovery code" in found.sentence
    sweep.sweep()
    for address in ("ada@example.org", "ada@second.example"):
        (said,) = [text for text in letters(address) if "A second factor was added." in text]
        assert STOPS in said
        assert "/recover/stop/" in said
    Client().post(mailed("ada@second.example", "stop"), {"answer": "stop"})
    assert ticket().status == Status.STOPPED


def test_a_code_used_at_a_sign_in_is_told_with_the_way_to_stop_it(ada: User, codes: list[str]) -> None:
    waiting()
    assert second_factors.verify_code(ada, codes[0]) is not None
    assert policy.doubt(case()) == 4
    for code in codes[1:5]:  # the fifth leaves three: another kind of mail says it
        assert second_factors.verify_code(ada, code) is not None
    sweep.sweep()
    told = [text for text in letters("ada@second.example") if "recovery code" in text and STOPS in text]
    assert len(told) == 5
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_ALARM).count() == 1


def test_new_codes_are_an_alarm_too(ada: User, codes: list[str]) -> None:
    waiting()
    second_factors.make_codes(ada, actor=ada)
    assert policy.doubt(case()) == 4


def test_it_counts_once_and_never_keeps_the_owner_out(ada: User, codes: list[str]) -> None:
    waiting()
    enrol(ada)
    until = ticket().wait_until
    enrol(ada)
    second_factors.make_codes(ada, actor=ada)
    assert ticket().wait_until == until
    days_pass(14.1)
    assert ticket().status == Status.READY


def test_without_a_request_the_notice_has_no_link_of_ours(ada: User, codes: list[str]) -> None:
    enrol(ada)
    sweep.sweep()
    assert not any(STOPS in text for text in letters("ada@example.org"))
    assert all(not one.links for one in Mail.objects.filter(kind="security_notice"))


def test_a_closed_request_is_no_alarm(ada: User, codes: list[str]) -> None:
    ask()
    Client().post(mailed("ada@second.example", "stop"), {"answer": "stop"})
    assert not ticket().is_open
    enrol(ada)
    assert ticket().signed_in_at is None


def test_a_factor_that_is_refused_is_no_alarm(ada: User, codes: list[str]) -> None:
    waiting()
    app = second_factors.start_totp(ada, "mine")
    assert not second_factors.confirm_totp(ada, app, "000000")
    assert second_factors.verify_code(ada, "AAAA-AAAA-AAAA-AAAA") is None
    assert policy.doubt(case()) == 1
