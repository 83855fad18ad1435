"""What each rule of a second factor leaves behind: its events word by word, from where, and under which row locks."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone
from django_otp_webauthn.models import WebAuthnCredential

from accounts import second_factors, typed_codes, wrong_factors
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import FactorFailures, User
from audit.log import RequestOrigin
from audit.models import Event, EventDetail
from audit.tags import Tag
from common import failpoints
from tests.helpers.authenticator import give_key
from tests.helpers.factories import add_app, make_user
from tests.helpers.row_locks import row_locks
from tests.helpers.signing_in import code_of

MODULES = (second_factors, typed_codes, wrong_factors)
HOME = RequestOrigin(network="198.51.100.7", device="a browser")
REASON = "a reason long enough"


@dataclass
class Scene:
    """ada with an app, a key and recovery codes; kim, whose app is switched off."""

    ada: User
    app: TotpDevice
    key: WebAuthnCredential
    codes: list[str]


@pytest.fixture
def scene(ada: User, app: TotpDevice) -> Scene:
    kim = make_user("kim")
    been_wrong(kim, add_app(kim), 100)
    FactorFailures.objects.update(off_at=timezone.now())
    give_key(ada)
    key = WebAuthnCredential.objects.get(user=ada)
    made = Scene(ada, app, key, second_factors.make_codes(ada, actor=ada))
    Mail.objects.all().delete()
    return made


def been_wrong(user: User, device: Any, times: int) -> None:
    """What `times` wrong answers leave behind."""
    FactorFailures.objects.create(user=user, device=device.persistent_id, failures=times)


def confirm_totp(scene: Scene) -> None:
    device = second_factors.start_totp(scene.ada, "tablet")
    assert second_factors.confirm_totp(scene.ada, device, code_of(device), origin=HOME)


@transaction.atomic
def reset(scene: Scene) -> None:
    second_factors.reset(scene.ada, actor="system", reason=REASON, ticket=7, origin=HOME)


def refuse(scene: Scene, times: int) -> None:
    been_wrong(scene.ada, scene.app, times)
    wrong_factors.refused(scene.ada, [scene.app], origin=HOME)


def prove(scene: Scene) -> None:
    """Two factors are off: both count again."""
    been_wrong(scene.ada, scene.key, 100)
    been_wrong(scene.ada, scene.app, 100)
    FactorFailures.objects.filter(user=scene.ada).update(off_at=timezone.now())
    wrong_factors.proved(scene.ada, scene.key, origin=HOME)


def recover(scene: Scene) -> None:
    """One factor is off, another was merely answered for wrongly."""
    been_wrong(scene.ada, scene.key, 3)
    been_wrong(scene.ada, scene.app, 100)
    FactorFailures.objects.filter(user=scene.ada, failures=100).update(off_at=timezone.now())
    wrong_factors.recovered(scene.ada, actor="system", reason=REASON, ticket=7)


@dataclass(frozen=True)
class Case:
    """A call of one rule, and what it leaves: events as (tag, data), and the locked rows, in this order."""

    rule: str
    call: Callable[[Scene], object]
    events: tuple[tuple[Tag, dict[str, Any]], ...] = ()
    locks: tuple[str, ...] = ()
    actor: str = "ada"
    ticket: int | None = None
    mails: int = 0
    network: str = HOME.network


CASES = [
    Case(
        "confirm_totp", confirm_totp, ((Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED, {"method": "totp"}),),
        ("User", "TotpDevice"), mails=1,
    ),
    Case(
        "remove_device", lambda it: second_factors.remove_device(it.ada, it.app, actor=it.ada, origin=HOME),
        ((Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED, {"method": "totp"}),), ("User",), mails=1,
    ),
    Case(
        "remove_device", lambda it: second_factors.remove_device(it.ada, it.key, actor=it.ada, origin=HOME),
        ((Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED, {"method": "webauthn"}),), ("User",), mails=1,
    ),
    Case(
        "make_codes", lambda it: second_factors.make_codes(it.ada, actor=it.ada, origin=HOME),
        ((Tag.ACCOUNT_RECOVERY_CODES_GENERATED, {}),), ("User",), mails=1,
    ),
    Case(
        "reset", reset,
        (
            (Tag.ACCOUNT_TWO_FACTOR_RESET, {"reason": REASON, "totp": 1, "webauthn": 1, "codes": 8}),
            (Tag.ACCOUNT_PASSWORD_DISABLED, {"reason": REASON}),
            (Tag.ACCOUNT_SESSION_END, {"reason": REASON, "sessions": 0}),
            (Tag.ACCOUNT_QUARANTINE_ENTER, {"reason": REASON}),
        ),
        ("User",), actor="system", ticket=7,
    ),
    Case("try_code", lambda it: typed_codes.try_code(it.ada, code_of(it.app), origin=HOME), (), ("TotpDevice",)),
    Case(
        "try_code", lambda it: typed_codes.try_code(it.ada, it.codes[0], origin=HOME),
        ((Tag.ACCOUNT_RECOVERY_CODES_USED, {"codes_left": 7}),), ("RecoveryCodeDevice",), mails=1,
    ),
    Case(
        "verify_code", lambda it: typed_codes.verify_code(it.ada, it.codes[0], origin=HOME),
        ((Tag.ACCOUNT_RECOVERY_CODES_USED, {"codes_left": 7}),), ("RecoveryCodeDevice",), mails=1,
    ),
    Case("refused", lambda it: refuse(it, 8)),
    Case(
        "refused", lambda it: refuse(it, 9),
        ((Tag.ACCOUNT_TWO_FACTOR_WRONG, {"method": "totp", "failures": 10}),), actor="visitor", mails=1,
    ),
    Case("refused", lambda it: refuse(it, 10)),
    Case("refused", lambda it: refuse(it, 98)),
    Case(
        "refused", lambda it: refuse(it, 99),
        ((Tag.ACCOUNT_TWO_FACTOR_OFF, {"method": "totp", "devices": 1}),), actor="visitor", mails=1,
    ),
    Case("proved", prove, ((Tag.ACCOUNT_TWO_FACTOR_ON, {"method": "webauthn", "devices": 2}),), mails=1),
    Case(
        "recovered", recover, ((Tag.ACCOUNT_TWO_FACTOR_ON, {"reason": REASON, "devices": 1}),),
        actor="system", ticket=7, network="",
    ),
]  # fmt: skip


def rules_that_write() -> set[str]:
    """Every public rule of these modules that is told from where, or for which ticket, it is called."""
    return {
        name
        for module in MODULES
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if one.__module__ == module.__name__ and not name.startswith("_") and "__mutmut_" not in name
        if {"origin", "ticket"} & set(inspect.signature(one).parameters)
    }


def test_every_rule_that_writes_events_has_its_case() -> None:
    assert rules_that_write() == {case.rule for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.rule}" for number, case in enumerate(CASES)])
def test_what_a_rule_leaves_behind(scene: Scene, case: Case) -> None:
    before = Event.objects.latest("id").pk
    with row_locks() as locks:
        case.call(scene)
    events = list(Event.objects.filter(pk__gt=before).order_by("id"))
    assert [(event.tag, event.data) for event in events] == list(case.events)
    assert {(event.actor_name, event.subject_uid, event.ticket) for event in events} <= {
        (case.actor, scene.ada.uid, case.ticket)
    }
    details = {detail.event_id: (detail.network, detail.device) for detail in EventDetail.objects.all()}
    wanted = (HOME.network, HOME.device) if case.network else None
    assert [details.get(event.pk) for event in events] == [wanted] * len(events)
    assert tuple(locks) == case.locks
    assert [mail.context["network"] for mail in Mail.objects.all()] == [case.network] * case.mails


def test_a_first_code_confirms_its_own_app_only(scene: Scene) -> None:
    kim = User.objects.get(username="kim")
    others = second_factors.start_totp(kim, "tablet")
    confirm_totp(scene)
    others.refresh_from_db()
    assert not others.confirmed


def test_an_app_that_is_confirmed_already_is_added_once(ada: User, app: TotpDevice) -> None:
    before = Event.objects.count()
    assert second_factors.confirm_totp(ada, app, code_of(app))
    assert Event.objects.count() == before


def test_an_app_that_is_gone_takes_no_code(ada: User) -> None:
    device = second_factors.start_totp(ada, "phone")
    TotpDevice.objects.all().delete()
    assert second_factors.confirm_totp(ada, device, code_of(device)) is False


def test_a_new_name_writes_over_nothing_that_happened_meanwhile(ada: User, app: TotpDevice) -> None:
    TotpDevice.objects.update(last_step=5)  # a code was used: it must not count again
    second_factors.rename_device(ada, app, "tablet")
    assert TotpDevice.objects.values_list("name", "last_step").get() == ("tablet", 5)


def test_a_reset_writes_over_nothing_that_happened_meanwhile(scene: Scene) -> None:
    User.objects.filter(pk=scene.ada.pk).update(language="es")
    reset(scene)
    scene.ada.refresh_from_db()
    assert (scene.ada.language, scene.ada.has_usable_password()) == ("es", False)


def test_a_reset_can_be_killed_where_the_factors_are_gone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[tuple[str, str]] = []
    monkeypatch.setattr(failpoints, "reach", lambda *point: reached.append(point))
    reset(scene)
    assert reached == [("factors", "gone")]


@pytest.mark.django_db(transaction=True)
def test_a_reset_alone_is_refused_in_words_and_changes_nothing() -> None:
    kim = make_user("kim")
    add_app(kim)
    with pytest.raises(TransactionManagementError) as refused:
        second_factors.reset(kim, actor="system", reason=REASON)
    assert str(refused.value) == "second_factors.reset must run inside the caller's transaction"
    assert second_factors.summary(kim).totp == 1
