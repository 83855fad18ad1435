"""What we rely on of allauth and django-otp that they do not promise. An upgrade that moves it must fail here."""

import inspect
from typing import Any

import pytest
from allauth.account import app_settings, stages, views
from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from django.conf import settings
from django.test import Client

from accounts.devices import TotpDevice
from accounts.models import User
from accounts.stages import SecondFactorStage
from tests.helpers.signing_in import type_code, type_password, wrong_code_of


def test_a_login_stage_has_the_shape_ours_is_built_on() -> None:
    assert set(inspect.signature(stages.LoginStage.__init__).parameters) == {"self", "controller", "request", "login"}
    assert {"handle", "exit", "abort", "is_resumable"} <= set(dir(stages.LoginStage))
    assert {"stage", "redirect_urlname"} == set(inspect.signature(login_stage_required).parameters)
    assert "extra_data" in inspect.signature(record_authentication).parameters
    assert callable(get_authentication_records)
    assert {"user", "state"} <= set(inspect.signature(Login.__init__).parameters)


def test_the_adapter_still_asks_the_questions_we_answer() -> None:
    for name in (
        "_delete_login_attempts_cached_email", "authenticate", "confirm_email", "get_login_stages", "login", "logout",
        "post_login", "reauthenticate", "save_user", "send_mail", "set_password",
    ):  # fmt: skip
        assert callable(getattr(DefaultAccountAdapter, name)), name
    assert hasattr(views, "BaseReauthenticateView")


def test_our_stage_comes_last_after_the_address_is_verified() -> None:
    assert get_adapter().get_login_stages()[-2:] == [
        "allauth.account.stages.EmailVerificationStage",
        "accounts.stages.SecondFactorStage",
    ]
    assert SecondFactorStage.key not in {"verify_email", "login_by_code", "verify_phone"}


ALLAUTHS = [
    "change_password", "confirm_email", "login", "manage_email", "reauthenticate", "reset_password",
    "reset_password_from_key", "signup",
]  # fmt: skip


@pytest.mark.parametrize("name", ALLAUTHS)
def test_allauths_own_limits_are_off_because_its_pages_have_ours(name: str) -> None:
    assert name in app_settings.RATE_LIMITS
    assert app_settings.RATE_LIMITS[name] is None


def test_allauth_has_no_limit_we_have_not_looked_at() -> None:
    """Those it adds in an upgrade would answer without saying when."""
    of_pages_we_switch_off = {"change_phone", "request_login_code", "verify_phone"}
    assert set(app_settings.RATE_LIMITS) - set(settings.ACCOUNT_RATE_LIMITS) == of_pages_we_switch_off


def test_the_parts_of_its_counter_that_ours_is_made_of() -> None:
    (rate,) = ratelimit.parse_rates("2/5m/key")
    assert (rate.amount, rate.duration, rate.per) == (2, 300, "key")
    assert ratelimit.apply_rate([], 1000.0, rate) == (True, [1000.0])
    assert ratelimit.apply_rate([999.0, 500.0], 1000.0, rate) == (True, [1000.0, 999.0])
    assert ratelimit.apply_rate([999.0, 998.0], 1000.0, rate) == (False, [999.0, 998.0])
    with ratelimit.cache_lock("name") as ours:
        assert ours


def test_the_eleventh_code_in_five_minutes_is_not_looked_at(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    answers = [type_code(client, wrong_code_of(app)).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_no_second_truth_about_second_factors_is_installed() -> None:
    refused = {"allauth.mfa", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static", "unfold"}
    assert not refused & set(settings.INSTALLED_APPS)


def test_only_two_modules_import_allauths_internals() -> None:
    """Besides the reader of client addresses in `audit.log`."""
    found = {str(path) for path in sources() if ".internal" in path.read_text()}
    assert found == {"accounts/stages.py", "accounts/throttle.py"}


def sources() -> Any:
    from pathlib import Path

    return [path for path in Path("accounts").rglob("*.py") if "allauth" in path.read_text()]
