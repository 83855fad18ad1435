"""The login stage that asks for the second factor, and signing in with a passkey alone: with `throttle.py`, which
borrows its counter, the modules that import allauth's internals.

`tests/accounts/test_allauth_contract.py` holds allauth to the names used here.
"""

from collections.abc import Callable
from typing import cast

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import perform_login, perform_password_login, record_authentication
from allauth.account.models import Login
from allauth.account.stages import LoginStage, LoginStageController
from allauth.account.utils import get_next_redirect_url
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django_otp.models import Device

from accounts import known_browsers, own_freeze, sign_in, step_up, webauthn
from accounts.models import User
from accounts.second_factors import Tried, has_primary_factor, try_code
from accounts.services import locked
from audit.log import origin_of

__all__ = [
    "SecondFactorStage",
    "get_next_redirect_url",
    "pending_stage",
    "remember_second_factor",
    "sign_in_with_code",
    "sign_in_with_new_password",
    "sign_in_with_passkey",
    "stage_of",
    "stage_required",
]
Verify = Callable[[User], Device | None]


class _StaysClosed(Exception):
    """The account takes no sign-in with this factor, or changed under the pending one."""


def remember_second_factor(request: HttpRequest, user: User, device: Device) -> None:
    """Note in the session that a second factor was shown now; allauth's own re-authentication counts it too."""
    record_authentication(
        request, user, method=step_up.METHOD, reauthenticated=True, device=device.persistent_id
    )  # fmt: skip


class SecondFactorStage(LoginStage):
    """Between the right password and the session: a code, a security key, or a recovery code.

    The stashed sign-in keeps a keyed digest of the password hash it began with. When the account changed under it (a
    reset, a new password, a freeze, no device left) the pending sign-in ends.
    """

    key = "second_factor"
    urlname = "account_second_factor"
    tried = Tried()  # what came of the last code

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        user = self.login.user
        if not isinstance(user, User):
            return HttpResponseRedirect(reverse("account_login")), False
        if not has_primary_factor(user):
            return None, True
        self.state.setdefault("account", user.get_session_auth_hash())
        return HttpResponseRedirect(reverse(self.urlname)), True

    def account(self, *, lock: bool = False) -> User | None:
        """The account as it is now, or None when it is not the one that typed its password."""
        users = User.objects.select_for_update() if lock else User.objects
        user = users.filter(pk=self.login.user.pk).first() if self.login.user else None
        if user is None or not has_primary_factor(user) or not own_freeze.may_begin_sign_in(user):
            return None
        began_with = self.state.get("account", "")
        return user if constant_time_compare(user.get_session_auth_hash(), began_with) else None

    def refuse(self) -> HttpResponseBase:
        """End the pending sign-in: the account changed under it."""
        user = self.login.user if isinstance(self.login.user, User) else None
        sign_in.refused(user, why="changed meanwhile", origin=origin_of(self.request))
        messages.error(self.request, _("Your account has just been changed. Please sign in again."))
        return cast(HttpResponseBase, self.abort())  # type: ignore[no-untyped-call]

    def complete(self, code: str) -> HttpResponseBase | None:
        """Use up the code and sign in, both or neither; None when the code is not right (`tried` says more)."""

        def verify(user: User) -> Device | None:
            known = bool(known_browsers.known(self.request, user))
            self.tried = try_code(user, code, origin=origin_of(self.request), known_browser=known)
            return self.tried.device

        return self._complete(verify)

    def complete_with_key(self, answer: str) -> HttpResponseBase | None:
        """The same with a security key's answer; raises webauthn.KeyRefused."""
        return self._complete(lambda user: webauthn.authenticate(self.request, user, "second_factor", answer))

    def _complete(self, verify: Verify) -> HttpResponseBase | None:
        """What did not end in a sign-in used nothing up: a refusal is written down after the rest is undone."""
        try:
            with transaction.atomic():
                return self._sign_in(verify)
        except _StaysClosed:
            return self.refuse()

    def _sign_in(self, verify: Verify) -> HttpResponseBase | None:
        user, origin = self.account(lock=True), origin_of(self.request)
        if user is None:
            raise _StaysClosed
        device = verify(user)
        if device is None:
            sign_in.refused(user, why="code", origin=origin)
            return None
        if not own_freeze.lift(user, device, origin=origin):
            raise _StaysClosed
        user.otp_device = device  # type: ignore[attr-defined]  # django-otp puts it into the session
        self.login.user = user
        remember_second_factor(self.request, user, device)
        response = cast(HttpResponseBase, self.exit())  # type: ignore[no-untyped-call]
        if not self.request.user.is_authenticated:
            transaction.set_rollback(True)
        return response


stage_required = login_stage_required(stage=SecondFactorStage.key, redirect_urlname="account_login")


def stage_of(request: HttpRequest) -> SecondFactorStage:
    """The pending sign-in of this browser; only behind `stage_required`."""
    return cast(SecondFactorStage, request._login_stage)  # type: ignore[attr-defined]


def pending_stage(request: HttpRequest) -> SecondFactorStage | None:
    """The sign-in of this browser that waits for its second factor, if there is one."""
    return cast("SecondFactorStage | None", LoginStageController.enter(request, SecondFactorStage.key))


@transaction.atomic
def sign_in_with_passkey(request: HttpRequest, answer: str) -> HttpResponseBase:
    """Sign in the owner of the passkey that answered: it verified its holder, so it is both factors at once.

    An address that is not verified yet still comes first. Raises webauthn.KeyRefused.
    """
    device = webauthn.authenticate(request, None, "passkey", answer)
    user = locked(device.user)
    if not own_freeze.lift(user, device, origin=origin_of(request)):
        raise webauthn.KeyRefused("frozen" if user.frozen_at else "inactive")
    return _sign_in_with_both(request, user, device)


@transaction.atomic
def sign_in_with_code(request: HttpRequest, user: User, code: str) -> HttpResponseBase | None:
    """Sign in whoever typed the right password with this code, at once; None when the code is not right.

    A wrong one counts and is written down as on the code's own page.
    """
    row, origin = locked(user), origin_of(request)
    same = row.password == user.password and has_primary_factor(row)
    device = try_code(row, code, origin=origin).device if same else None
    if device is None:
        sign_in.refused(row, why="code", origin=origin)
        return None
    if not own_freeze.lift(row, device, origin=origin):
        transaction.set_rollback(True)
        return None
    return _sign_in_with_both(request, row, device)


def sign_in_with_new_password(request: HttpRequest, user: User, redirect_url: str) -> HttpResponseBase:
    """Sign in whoever has just set this account's password here; a second factor it has is asked for first."""
    return cast(HttpResponseBase, perform_password_login(request, {}, Login(user=user, redirect_url=redirect_url)))


def _sign_in_with_both(request: HttpRequest, user: User, device: Device) -> HttpResponseBase:
    user.otp_device = device  # type: ignore[attr-defined]
    remember_second_factor(request, user, device)
    done = {"stages": {SecondFactorStage.key: {"handled": True}}}
    login = Login(user=user, redirect_url=get_next_redirect_url(request), state=done)
    return cast(HttpResponseBase, perform_login(request, login))
