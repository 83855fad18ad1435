"""Security keys: adding one, and the question every ceremony begins with."""

from typing import Any

from allauth.account.decorators import verified_email_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import decisions, second_factors, sign_in, webauthn
from accounts.forms import DeviceNameForm
from accounts.models import User
from accounts.second_factors import require_recent_second_factor
from accounts.stages import pending_stage
from accounts.step_up import may_change_account
from accounts.views.security import after_new_factor, read_or_write
from accounts.views.sign_in import KEY_FIELD, confirm_session
from accounts.visitor import account_of
from audit.log import origin_of
from audit.tags import Tag


@never_cache
@login_required
@verified_email_required
@require_recent_second_factor
@sensitive_post_parameters("credential")
@read_or_write
def key_start(request: HttpRequest) -> HttpResponse:
    """Name a new key; its answer, posted here, adds it."""
    if request.method == "POST" and request.POST.get(KEY_FIELD):
        return _add(request, account_of(request))
    form = DeviceNameForm(initial={"name": _("Security key")})
    return render(request, "accounts/key_start.html", {"form": form})


def _add(request: HttpRequest, user: User) -> HttpResponse:
    origin = origin_of(request)
    try:
        device = webauthn.register(request, user, request.POST[KEY_FIELD], origin=origin)
    except webauthn.KeyRefused as refusal:
        why = f"key: {refusal.why}"
        sign_in.refused(user, why=why, origin=origin, tag=Tag.ACCOUNT_STEP_UP_FAILURE, actor=user)
        messages.error(request, str(refusal.sentence))
        return redirect("account_key_start")
    except second_factors.FactorNeedsVerifiedAddress:
        messages.error(request, _("Verify your primary e-mail address first."))
        return redirect("account_email")
    confirm_session(request, user, device)
    messages.success(
        request,
        _("The key “%(name)s” works. From now on, you need it or another second factor to sign in.")
        % {"name": device.name},
    )
    return after_new_factor(user)


@never_cache
@require_POST
def key_options(request: HttpRequest) -> HttpResponse:
    """What the browser is to ask a key, as JSON, for one purpose of whoever sends this request; 403 when there is
    nothing to ask."""
    options = _options(request, request.POST.get("purpose", ""))
    if options is None:
        return JsonResponse({"error": _("This page was open too long, or was used already. Try again.")}, status=403)
    return JsonResponse(options)


def _options(request: HttpRequest, purpose: str) -> dict[str, Any] | None:
    if purpose == "passkey":
        return None if request.user.is_authenticated else webauthn.begin_authentication(request, None, "passkey")
    if purpose == "second_factor":
        stage = None if request.user.is_authenticated else pending_stage(request)
        user = stage.account() if stage else None
        return webauthn.begin_authentication(request, user, "second_factor") if user else None
    if not request.user.is_authenticated:
        return None
    user = account_of(request)
    if purpose == "step_up":
        return webauthn.begin_authentication(request, user, "step_up")
    number = request.GET.get("about", "")
    if purpose == "decision" and decisions.waits_for_factor(request, number):
        return webauthn.begin_authentication(request, user, "decision", about=number)
    if purpose == "register" and may_change_account(request):
        return webauthn.begin_registration(request, user, request.POST.get("name", ""))
    return None
