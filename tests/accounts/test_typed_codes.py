"""What a refused code tells, and what it never does: a code that is going to be right is a wrong one like any other."""

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import codes, second_factors
from accounts.devices import TotpDevice
from accounts.models import FactorFailures, User
from tests.helpers.factories import add_app
from tests.helpers.signing_in import code_of, type_code, type_password, wrong_code_of

TOLD = "The clock of your device is about"


class Clock(SimpleNamespace):
    """The clock of site and apps, which stands still until it is set."""

    now: float

    def time(self) -> float:
        return self.now

    def go(self, steps: int) -> None:
        self.now += steps * codes.STEP


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(now=time.time())
    monkeypatch.setattr("accounts.devices.time", clock)
    monkeypatch.setattr("tests.helpers.signing_in.time", clock)
    return clock


def words(response: Any) -> str:
    return str(response.content.decode())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def unlock() -> None:
    cache.clear()
    FactorFailures.objects.all().delete()
    TotpDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)


def lock(app: TotpDevice) -> None:
    for _ in range(9):
        app.throttle_increment()


def answer(client: Client, code: str) -> tuple[int, int, list[str]]:
    """Status, number of queries and every line that is not the page's own key, nor holds what was typed or the time."""
    with CaptureQueriesContext(connection) as queries:
        response = type_code(client, code)
    lines = re.sub(r"at \d+:\d+:\d+", "at TIME", words(response)).replace(code, "CODE").splitlines()
    return response.status_code, len(queries), [line for line in lines if "csrf" not in line]


@pytest.mark.parametrize("steps", [-10, -2])
def test_a_clock_that_is_behind_is_told_so_and_opens_nothing(
    client: Client, ada: User, app: TotpDevice, clock: Clock, steps: int
) -> None:
    type_password(client)
    page = words(type_code(client, code_of(app, steps=steps)))
    seconds = abs(steps) * codes.STEP
    assert f"about {seconds // 60}:{seconds % 60:02d} minutes slow" in page
    assert not is_signed_in(client)


@pytest.mark.parametrize("steps", [-11, 2, 3, 10])
def test_any_other_clock_is_told_of_a_wrong_code(
    client: Client, ada: User, app: TotpDevice, clock: Clock, steps: int
) -> None:
    type_password(client)
    page = words(type_code(client, code_of(app, steps=steps)))
    assert "not right" in page
    assert TOLD not in page


def test_who_tries_codes_that_are_going_to_be_right_learns_nothing(
    client: Client, ada: User, app: TotpDevice, clock: Clock
) -> None:
    add_app(ada, "tablet")
    type_password(client)
    usual = answer(client, wrong_code_of(app))
    for steps in range(2, 15):
        unlock()
        assert answer(client, code_of(app, steps=steps)) == usual


def test_a_locked_app_tells_nothing_of_any_code(client: Client, ada: User, app: TotpDevice, clock: Clock) -> None:
    lock(app)
    type_password(client)
    usual = answer(client, wrong_code_of(app))
    for steps in (-10, -2, -1, 0, 1, 2, 10):
        cache.clear()
        assert answer(client, code_of(app, steps=steps)) == usual
    app.refresh_from_db()
    assert app.last_step == -1


def test_a_known_browser_is_told_nothing_either_while_strangers_keep_the_app_locked(
    client: Client, ada: User, app: TotpDevice, clock: Clock
) -> None:
    type_password(client)
    type_code(client, code_of(app, steps=-1))
    client.post("/account/logout/")
    lock(app)
    type_password(client)
    assert TOLD not in words(type_code(client, code_of(app, steps=-4)))
    type_code(client, code_of(app))
    assert is_signed_in(client)


def test_a_code_that_was_told_about_is_never_accepted_though_the_clock_goes_back(
    client: Client, ada: User, app: TotpDevice, clock: Clock
) -> None:
    code = code_of(app, steps=-4)
    type_password(client)
    assert "2:00 minutes slow" in words(type_code(client, code))
    for steps in (-3, -1, -1):
        unlock()
        clock.go(steps)
        assert "minutes slow" not in words(type_code(client, code))
        assert not is_signed_in(client)


def test_whoever_sets_the_clock_right_gets_in(client: Client, ada: User, app: TotpDevice, clock: Clock) -> None:
    type_password(client)
    type_code(client, code_of(app, steps=-2))
    unlock()
    type_code(client, code_of(app))
    assert is_signed_in(client)


def step_up(client: Client, app: TotpDevice, code: str) -> Any:
    return client.post("/account/step-up/", {"code": code})


def enrol(client: Client, app: TotpDevice, code: str) -> Any:
    return client.post(f"/account/security/app/{app.pk}/", {"code": code})


@pytest.mark.parametrize(("door", "confirmed"), [(step_up, True), (enrol, False)])
def test_every_door_tells_of_the_past_alone(
    signed_in: Client, ada: User, clock: Clock, door: Callable[[Client, TotpDevice, str], Any], confirmed: bool
) -> None:
    new = second_factors.start_totp(ada, "tablet")
    TotpDevice.objects.filter(pk=new.pk).update(confirmed=confirmed)
    assert "2:00 minutes slow" in words(door(signed_in, new, code_of(new, steps=-4)))
    unlock()
    assert TOLD not in words(door(signed_in, new, code_of(new, steps=4)))
    assert TotpDevice.objects.get(pk=new.pk).confirmed is confirmed


def test_the_right_code_of_one_app_is_taken_while_the_other_is_locked(
    client: Client, ada: User, app: TotpDevice
) -> None:
    tablet = add_app(ada, "tablet")
    lock(app)
    type_password(client)
    type_code(client, code_of(tablet))
    assert is_signed_in(client)
