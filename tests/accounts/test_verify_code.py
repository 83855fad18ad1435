"""Who only asks which device took a code gets what the whole answer would have said."""

from accounts import second_factors
from accounts.devices import TotpDevice
from accounts.models import FactorFailures, User
from tests.helpers.factories import add_app, make_user
from tests.helpers.signing_in import code_of, wrong_code_of


def lock(app: TotpDevice) -> None:
    """As strangers' guesses do."""
    for _ in range(9):
        app.throttle_increment()


def counted() -> list[int]:
    return list(FactorFailures.objects.values_list("failures", flat=True))


def test_a_wrong_guess_counts_unless_it_is_said_not_to(ada: User, app: TotpDevice) -> None:
    wrong = wrong_code_of(app)
    assert second_factors.verify_code(ada, wrong, counted=False) is None
    assert second_factors.try_code(ada, wrong, counted=False).device is None
    assert counted() == []
    assert second_factors.verify_code(ada, wrong) is None
    assert counted() == [1]
    assert second_factors.try_code(ada, wrong).device is None
    assert counted() == [2]


def test_a_right_code_that_does_not_count_leaves_the_row(ada: User, app: TotpDevice) -> None:
    FactorFailures.objects.create(user=ada, device=app.persistent_id, failures=3)
    assert second_factors.verify_code(ada, code_of(app), counted=False) == app
    assert counted() == [3]


def test_strangers_guesses_lock_the_app_for_strangers_only(ada: User, app: TotpDevice) -> None:
    lock(app)
    assert second_factors.verify_code(ada, code_of(app)) is None
    assert second_factors.try_code(ada, code_of(app)).device is None
    assert second_factors.verify_code(ada, code_of(app), known_browser=True) == app


def test_another_accounts_app_and_one_that_is_not_confirmed_take_no_code(ada: User, app: TotpDevice) -> None:
    kim = make_user("kim")
    theirs, unfinished = add_app(kim), second_factors.start_totp(ada, "tablet")
    assert second_factors.verify_code(ada, code_of(theirs)) is None
    assert second_factors.verify_code(ada, code_of(unfinished)) is None
    assert second_factors.verify_code(ada, code_of(app), known_browser=True) == app


def test_a_code_that_is_refused_tells_when_the_lock_of_the_last_app_ends(ada: User, app: TotpDevice) -> None:
    tablet = add_app(ada, "tablet")
    lock(tablet)
    told = second_factors.try_code(ada, wrong_code_of(app))
    tablet.refresh_from_db()
    assert told.locked_until == second_factors.locked_until(ada)
    assert (told.device, told.seconds_slow, told.off) == (None, 0, False)
