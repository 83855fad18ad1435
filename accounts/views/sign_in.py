"""Signing up, the second factor at sign-in, stepping up, a new password."""

import math
from typing import Any, cast

import django_otp
from allauth.account import views as allauth_views
from allauth.account.utils import passthrough_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView
from django_otp.models import Device

from accounts import (
    key_refusals,
    known_browsers,
    own_freeze,
    password_tries,
    sign_in,
    throttle,
    too_often,
    webauthn,
)
from accounts.forms import CodeForm, LoginForm
from accounts.models import User
from accounts.second_factors import Tried, summary, try_code
from accounts.services import locked
from accounts.stages import (
    remember_second_factor,
    sign_in_with_code,
    sign_in_with_passkey,
    stage_of,
    stage_required,
)
from accounts.step_up import require_recent_second_factor_for_form
from accounts.visitor import account_of
from audit.log import origin_of, record
from audit.tags import Tag

KEY_FIELD = "credential"  # in a POST: a security key answered instead of a code


def wrong_code(tried: Tried) -> str:
    """What a refused code is answered with."""
    if tried.off:
        off = _("This second factor is switched off after too many wrong codes.")
        return f"{off} " + _("To switch it on again, sign in with another second factor.")
    if tried.seconds_slow:
        return _clock_is_slow(tried.seconds_slow)
    clock = _("If no code is accepted, check the clock of your device.")
    if tried.locked_until is None:
        return _("That code is not right, or it was used already. Try the next one.") + f" {clock}"
    seconds = max(1, math.ceil((tried.locked_until - timezone.now()).total_seconds()))
    again = _("That code is not right, or it was used already. Codes are accepted again in %(span)s, at %(time)s.")
    again %= too_often.when(seconds)
    return f"{again} {clock}"


def _clock_is_slow(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    span = f"{minutes}:{rest:02d}"
    return _("The clock of your device is about %(span)s minutes slow. Set it right and try again.") % {"span": span}


class SignUpView(allauth_views.SignupView):
    """The account, its address, the event and the mail: all or nothing."""

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            with transaction.atomic():
                return super().form_valid(form)
        except IntegrityError:  # somebody took the name between the check and the row
            form.add_error("username", _("This username is taken."))
            return cast(HttpResponse, self.form_invalid(form))


class LoginView(allauth_views.LoginView):
    """Name and password, and, while strangers keep the name locked, a code in the same breath.

    Which of the two was wrong is not said, so that a locked name cannot be asked which password is right.
    """

    def form_valid(self, form: LoginForm) -> HttpResponse:
        if not form.locked:
            return super().form_valid(form)
        answer = _sign_in_locked(self.request, form.cleaned_data)
        if answer is not None:
            return cast(HttpResponse, answer)
        wrong = _("The username, password or code is wrong, or the code was used before.")
        form.add_error(None, [wrong, password_tries.other_ways()])
        return cast(HttpResponse, self.form_invalid(form))


def _sign_in_locked(request: HttpRequest, typed: dict[str, str]) -> HttpResponseBase | None:
    user = sign_in.find_account(typed["login"])
    right = sign_in.password_is_right(user, typed["password"])
    if not (user and right and own_freeze.may_begin_sign_in(user)):
        sign_in.refused(user, why=sign_in.why_not(user, right) if user else "unknown", origin=origin_of(request))
        return None
    try:
        throttle.count_code(request, user, "second_factor")
    except throttle.TooOften:
        return None
    return sign_in_with_code(request, user, typed["code"])


@method_decorator(stage_required, name="dispatch")
@method_decorator(sensitive_post_parameters("code"), name="dispatch")
class SecondFactorView(FormView[CodeForm]):
    """After the right password: a code of any of the account's apps, or a recovery code."""

    template_name = "accounts/second_factor.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        stage = stage_of(request)
        user = stage.login.user if request.method == "POST" else stage.account()  # a POST is asked under the lock
        if not isinstance(user, User):
            return stage.refuse()
        throttle.count_code(request, user, "second_factor")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = stage_of(self.request).login.user
        assert isinstance(user, User)
        return super().get_context_data(**kwargs, factors=summary(user))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if KEY_FIELD in request.POST:
            return cast(HttpResponse, self._key(request))
        return super().post(request, *args, **kwargs)

    def _key(self, request: HttpRequest) -> HttpResponseBase:
        stage = stage_of(request)
        try:
            response = stage.complete_with_key(request.POST[KEY_FIELD])
        except webauthn.KeyRefused as refusal:
            user = stage.login.user
            assert isinstance(user, User)
            sign_in.refused(user, why=f"key: {refusal.why}", origin=origin_of(request))
            key_refusals.count(user, refusal, origin=origin_of(request))
            messages.error(request, str(refusal.sentence))
            return redirect("account_second_factor")
        return response or redirect("account_login")

    def form_valid(self, form: CodeForm) -> HttpResponseBase:  # type: ignore[override]
        stage = stage_of(self.request)
        response = stage.complete(form.cleaned_data["code"])
        if response is not None:
            return response
        form.add_error("code", wrong_code(stage.tried))
        return self.form_invalid(form)


@require_POST
def passkey(request: HttpRequest) -> HttpResponseBase:
    """Sign in with a passkey alone: it knows its account and has verified who holds it."""
    if request.user.is_authenticated:
        return redirect("account_security")
    try:
        return sign_in_with_passkey(request, request.POST.get(KEY_FIELD, ""))
    except webauthn.KeyRefused as refusal:
        sign_in.refused(None, why=f"key: {refusal.why}", origin=origin_of(request))
        messages.error(request, str(refusal.sentence))
        return redirect(passthrough_next_redirect_url(request, reverse("account_login"), "next"))


@method_decorator(login_required, name="dispatch")
@method_decorator(sensitive_post_parameters("code"), name="dispatch")
class StepUpView(allauth_views.BaseReauthenticateView):
    """Show a second factor again before something weighty; what was being done goes on afterwards."""

    template_name = "accounts/step_up.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        throttle.count_code(request, account_of(request), "step_up")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = account_of(self.request)
        wants_key = user.is_staff and settings.STAFF_STEP_UP == "webauthn"
        return super().get_context_data(**kwargs, factors=summary(user), wants_key=wants_key)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if KEY_FIELD in request.POST:
            return self._key(request)
        return super().post(request, *args, **kwargs)

    def _key(self, request: HttpRequest) -> HttpResponse:
        user, origin = account_of(request), origin_of(request)
        try:
            with transaction.atomic():
                device = webauthn.authenticate(request, locked(user), "step_up", request.POST[KEY_FIELD])
                record(Tag.ACCOUNT_STEP_UP, actor=user, subject=user, origin=origin, method="webauthn")
        except webauthn.KeyRefused as refusal:
            why = f"key: {refusal.why}"
            sign_in.refused(user, why=why, origin=origin, tag=Tag.ACCOUNT_STEP_UP_FAILURE, actor=user)
            key_refusals.count(user, refusal, origin=origin)
            messages.error(request, str(refusal.sentence))
            return redirect(request.get_full_path())
        confirm_session(request, user, device)
        return super().form_valid(CodeForm())

    def form_valid(self, form: CodeForm) -> HttpResponse:
        user = account_of(self.request)
        tried = self._try(user, form.cleaned_data["code"])
        if tried.device is None:
            form.add_error("code", wrong_code(tried))
            return self.form_invalid(form)
        confirm_session(self.request, user, tried.device)
        return super().form_valid(form)

    @transaction.atomic
    def _try(self, user: User, code: str) -> Tried:
        origin = origin_of(self.request)
        known = bool(known_browsers.known(self.request, user))
        tried = try_code(locked(user), code, origin=origin, known_browser=known)
        if tried.device is None:
            sign_in.refused(user, why="code", origin=origin, tag=Tag.ACCOUNT_STEP_UP_FAILURE, actor=user)
        else:
            method = sign_in.method_of(tried.device)
            record(Tag.ACCOUNT_STEP_UP, actor=user, subject=user, origin=origin, method=method)
        return tried


def confirm_session(request: HttpRequest, user: User, device: Device) -> None:
    """Note a second factor shown now. django-otp keeps the session key; a change of rights wants a new one."""
    django_otp.login(request, device)
    remember_second_factor(request, user, device)
    request.session.cycle_key()


class _WithSecondFactor(FormView[Form]):
    """A form behind a recent second factor, whose change is one transaction."""

    @method_decorator(login_required)
    @method_decorator(require_recent_second_factor_for_form)
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    @transaction.atomic
    def form_valid(self, form: Form) -> HttpResponse:
        return super().form_valid(form)


class ChangePasswordView(_WithSecondFactor, allauth_views.PasswordChangeView):
    """A new password, with the old one and a recent second factor."""


class SetPasswordView(_WithSecondFactor, allauth_views.PasswordSetView):
    """A first password for an account without one, behind a recent second factor."""


class ResetPasswordView(allauth_views.PasswordResetFromKeyView):
    """A new password by mailed key: every session ends, this browser's too, and nobody is signed in."""

    def form_valid(self, form: Form) -> HttpResponse:
        self.logout()
        with transaction.atomic():
            response = super().form_valid(form)
        password_tries.let_in(self.request, self.reset_user)
        return response
