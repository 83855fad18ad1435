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
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory

from accounts.devices import TotpDevice
from accounts.models import User
from accounts.stages import SecondFactorStage
from tests.accounts.conftest import type_code, type_password, wrong_code_of


def test_a_login_stage_has_the_shape_ours_is_built_on() -> None:
    assert set(inspect.signature(stages.LoginStage.__init__).parameters) == {"self", "controller", "request", "login"}
    assert {"handle", "exit", "abort", "is_resumable"} <= set(dir(stages.LoginStage))
    assert {"stage", "redirect_urlname"} == set(inspect.signature(login_stage_required).parameters)
    assert "extra_data" in inspect.signature(record_authentication).parameters
    assert callable(get_authentication_records)
    assert {"user", "state"} <= set(inspect.signature(Login.__init__).parameters)


def test_the_adapter_still_asks_the_questions_we_answer() -> None:
    for name in (
        "_rollback_login_failed_rl_usage", "authenticate", "confirm_email", "get_login_stages", "login", "logout",
        "post_login", "pre_authenticate", "reauthenticate", "save_user", "send_mail", "set_password",
    ):  # fmt: skip
        assert callable(getattr(DefaultAccountAdapter, name)), name
    assert hasattr(views, "BaseReauthenticateView")


def test_our_stage_comes_last_after_the_address_is_verified() -> None:
    assert get_adapter().get_login_stages()[-2:] == [
        "allauth.account.stages.EmailVerificationStage",
        "accounts.stages.SecondFactorStage",
    ]
    assert SecondFactorStage.key not in {"verify_email", "login_by_code", "verify_phone"}


NAMES = ["second_factor", "step_up", "login", "login_failed", "signup", "reset_password", "reauthenticate", "recover"]
NAMES += ["login_account", "passkey", "key_options"]


@pytest.mark.parametrize("name", [*NAMES, "manage_email", "change_password", "reset_password_from_key"])
def test_every_rate_limit_we_count_on_exists(name: str) -> None:
    """allauth allows everything under a name it does not know: a typing error would be no limit."""
    assert app_settings.RATE_LIMITS.get(name), name


@pytest.mark.parametrize("name", NAMES)
def test_every_rate_limit_is_reached(name: str, ada: User, rf: RequestFactory) -> None:
    request = rf.post("/")
    request.user = AnonymousUser()
    allowed = [ratelimit.consume(request, action=name, key="key", user=ada) for _ in range(70)]
    assert allowed[0]
    assert not allowed[-1]


def test_the_eleventh_code_in_five_minutes_is_not_looked_at(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    answers = [type_code(client, wrong_code_of(app)).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_no_second_truth_about_second_factors_is_installed() -> None:
    refused = {"allauth.mfa", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static", "unfold"}
    assert not refused & set(settings.INSTALLED_APPS)


def test_only_one_module_imports_allauths_internals() -> None:
    """Besides the reader of client addresses in `audit.log`."""
    found = {str(path) for path in sources() if ".internal" in path.read_text()}
    assert found == {"accounts/stages.py"}


def sources() -> Any:
    from pathlib import Path

    return [path for path in Path("accounts").rglob("*.py") if "allauth" in path.read_text()]
