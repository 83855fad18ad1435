"""The page between a decision's button and the decision: it says what is decided and asks for the second factor."""

from typing import Any

from allauth.account.views import BaseReauthenticateView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.models import Device

from accounts import codes, decisions, key_refusals, known_browsers, sign_in, throttle, webauthn
from accounts.forms import CodeForm
from accounts.second_factors import Tried, summary, try_code
from accounts.services import locked
from accounts.views.sign_in import KEY_FIELD, wrong_code
from accounts.visitor import account_of
from audit.log import origin_of
from audit.tags import Tag


@method_decorator(never_cache, name="dispatch")
@method_decorator(login_required, name="dispatch")
@method_decorator(sensitive_post_parameters("code"), name="dispatch")
class DecisionView(BaseReauthenticateView):
    """Confirm one decision of this session with a second factor; it is carried out in the same request."""

    template_name = "accounts/decide.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        waits = decisions.pending(request, kwargs["number"])
        if waits is None or waits.done:
            return self._over(request, waits)
        self.number, self.waits = kwargs["number"], waits
        throttle.count_code(request, account_of(request), "decide")
        return super().dispatch(request, *args, **kwargs)

    def _over(self, request: HttpRequest, waits: decisions.Pending | None) -> HttpResponse:
        if waits is None or request.method == "POST":
            messages.warning(request, _("You used this page already, or it is too old. Open it again."))
        return redirect(waits.back if waits else "home")

    def _check_reauthentication_method_available(self, request: HttpRequest) -> None:
        """This page is a way of its own."""

    def _check_ratelimit(self, request: HttpRequest) -> None:
        """Asked above, with a limit that a busy hour at the desk does not meet."""

    def get_form(self, form_class: Any = None) -> CodeForm:
        """The code alone: a recovery code decides nothing."""
        form: CodeForm = super().get_form(form_class)
        form.fields["code"].help_text = _("Six digits, as your authenticator app shows them now.")
        return form

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        factors, wants_key = summary(account_of(self.request)), self.waits.decision.wants_key
        more = {"number": self.number, "waits": self.waits, "wants_key": wants_key, "factors": factors}
        return super().get_context_data(**kwargs, **more)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if KEY_FIELD in request.POST:
            return self._key(request)
        if self.waits.decision.wants_key:
            return redirect(request.path)
        return super().post(request, *args, **kwargs)

    def _key(self, request: HttpRequest) -> HttpResponse:
        user, origin, answer = account_of(request), origin_of(request), request.POST[KEY_FIELD]
        try:
            with transaction.atomic():
                device = webauthn.authenticate(request, locked(user), "decision", answer, about=self.number)
                done = decisions.confirm(self.waits.decision, user, device, origin=origin)
        except webauthn.KeyRefused as refusal:
            self._refused(f"key: {refusal.why}")
            key_refusals.count(user, refusal, origin=origin)
            messages.error(request, str(refusal.sentence))
            return redirect(request.path)
        return self._carry_out(done, device)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        code = form.cleaned_data["code"]
        if codes.looks_like_recovery_code(code):  # before it is used up for nothing
            form.add_error("code", str(decisions.NO_RECOVERY_CODE))
            return self.form_invalid(form)
        tried, done = self._try(code)
        if tried.device is None:
            form.add_error("code", wrong_code(tried))
            return self.form_invalid(form)
        return self._carry_out(done, tried.device)

    @transaction.atomic
    def _try(self, code: str) -> tuple[Tried, decisions.Confirmation | None]:
        user, origin = locked(account_of(self.request)), origin_of(self.request)
        known = bool(known_browsers.known(self.request, user))
        tried = try_code(user, code, origin=origin, known_browser=known)
        if tried.device is None:
            self._refused("code")
            return tried, None
        return tried, decisions.confirm(self.waits.decision, user, tried.device, origin=origin)

    def _refused(self, why: str) -> None:
        user, origin = account_of(self.request), origin_of(self.request)
        sign_in.refused(user, why=why, origin=origin, tag=Tag.ACCOUNT_STEP_UP_FAILURE, actor=user)

    def _carry_out(self, done: decisions.Confirmation | None, device: Device) -> HttpResponse:
        if done is None:
            messages.error(self.request, decisions.why_not(account_of(self.request), device, self.waits.decision))
            return redirect(self.request.path)
        return decisions.carry_out(self.request, self.number, self.waits, done)
