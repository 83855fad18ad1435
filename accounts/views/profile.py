"""Profile, never reset, freeze, delete: an owner's decisions about the whole account."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import lifecycle, services
from accounts.forms import DeleteForm, ProfileForm
from accounts.models import User
from accounts.second_factors import require_recent_second_factor
from accounts.views.security import read_or_write
from accounts.visitor import account_of
from audit.log import origin_of

FROZEN_BY_OWNER = "frozen by its owner"


@never_cache
@login_required
@read_or_write
def profile(request: HttpRequest) -> HttpResponse:
    """Language and time zone; from here to the heavier decisions."""
    user = account_of(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        user.save(update_fields=form.Meta.fields)  # validation has set them; whatever else changed meanwhile stays
        with override(user.language):
            messages.success(request, _("Saved."))
        response = redirect("account_profile")
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, user.language, secure=settings.LANGUAGE_COOKIE_SECURE, samesite="Lax"
        )
        return response
    return render(request, "accounts/profile.html", {"form": form, "account": user})


@login_required
@require_POST
@require_recent_second_factor
def never_reset(request: HttpRequest) -> HttpResponse:
    """Switch "never reset my second factors" on, or ask for it to end."""
    user = account_of(request)
    verb = lifecycle.switch_never_reset_on if "on" in request.POST else lifecycle.ask_never_reset_off
    try:
        verb(user, actor=user, origin=origin_of(request))
    except lifecycle.NeverResetInQuarantine as refusal:
        messages.error(request, str(refusal))
    return redirect("account_profile")


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def freeze(request: HttpRequest) -> HttpResponse:
    """Say what a freeze does, then freeze the account and sign everybody out, this browser too."""
    user = account_of(request)
    if request.method == "POST":
        services.freeze(user, by=User.FrozenBy.OWNER, actor=user, reason=FROZEN_BY_OWNER, origin=origin_of(request))
        logout(request)
        return redirect("account_frozen")
    return render(request, "accounts/freeze.html", {"account": user})


@require_safe
def frozen(request: HttpRequest) -> HttpResponse:
    """What comes after a freeze."""
    return render(request, "accounts/frozen.html")


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def delete(request: HttpRequest) -> HttpResponse:
    """Say what deleting does and what stands in its way; with the username typed, delete the account."""
    user = account_of(request)
    form = DeleteForm(request.POST or None, user=user)
    why_not = lifecycle.why_not_delete(user)
    if request.method == "POST" and not why_not and form.is_valid():
        try:
            lifecycle.delete_account(user, actor=user, origin=origin_of(request))
        except lifecycle.DeletionRefused as refusal:
            why_not = str(refusal)
        else:
            logout(request)
            messages.success(request, _("Your account was deleted."))
            return redirect("home")
    return render(request, "accounts/delete.html", {"form": form, "why_not": why_not, "account": user})


@require_safe
def locked_out(request: HttpRequest) -> HttpResponse:
    """The ways back in that need nobody's help, before the one that does."""
    return render(request, "accounts/locked_out.html")
