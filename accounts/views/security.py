"""The security page: authenticator apps, security keys, recovery codes."""

import segno
from allauth.account.decorators import verified_email_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django_otp.models import Device

from accounts import codes, otpauth, outcomes, second_factors, wrong_factors
from accounts.devices import RecoveryCodeDevice, TotpDevice, webauthn_credentials
from accounts.forms import AppNameForm, DeviceNameForm, RecoveryCodeForm, TotpForm
from accounts.models import User
from accounts.second_factors import require_recent_second_factor
from accounts.step_up import require_recent_second_factor_for_form
from accounts.views.sign_in import confirm_session, wrong_code
from accounts.visitor import account_of
from audit.log import origin_of

CODES = "recovery codes"  # under which name new ones wait to be shown
read_or_write = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@login_required
def security(request: HttpRequest) -> HttpResponse:
    """Three cards: authenticator apps, security keys, recovery codes."""
    user = account_of(request)
    devices = second_factors.primary_devices(user)
    code_set = RecoveryCodeDevice.objects.filter(user=user).first()
    off = wrong_factors.switched_off(user)
    for one in (*devices, *([code_set] if code_set else [])):
        one.off_since = off.get(one.persistent_id)
    context = {
        "off": off,
        "apps": [one for one in devices if isinstance(one, TotpDevice)],
        "keys": [one for one in devices if not isinstance(one, TotpDevice)],
        "codes": code_set,
        "codes_left": code_set.codes.filter(used_at=None).count() if code_set else 0,
        "ways": len(devices),
        "since": min((one.created_at for one in devices if one.created_at), default=None),  # type: ignore[attr-defined]
        "codes_made": codes.RECOVERY_CODES,
        "few_codes": second_factors.FEW_CODES,
    }
    return render(request, "accounts/security.html", context)


@never_cache
@login_required
@verified_email_required
@require_recent_second_factor
@read_or_write
def totp_start(request: HttpRequest) -> HttpResponse:
    """Name a new authenticator app; the POST makes its secret."""
    form = AppNameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            device = second_factors.start_totp(account_of(request), form.cleaned_data["name"])
        except second_factors.FactorNeedsVerifiedAddress:
            messages.error(request, _("Verify your primary e-mail address first."))
            return redirect("account_email")
        return redirect("account_totp_confirm", device.pk)
    return render(request, "accounts/totp_start.html", {"form": form})


@never_cache
@login_required
@require_recent_second_factor
@sensitive_post_parameters("code")
@read_or_write
def totp_confirm(request: HttpRequest, device_id: int) -> HttpResponse:
    """Show the secret of an app that is not confirmed yet; its first code confirms it."""
    user = account_of(request)
    device = TotpDevice.objects.filter(pk=device_id, user=user, confirmed=False).first()
    if device is None:
        return redirect("account_security")
    form = TotpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if second_factors.confirm_totp(user, device, form.cleaned_data["code"], origin=origin_of(request)):
            confirm_session(request, user, device)
            messages.success(request, _("The authenticator app works. It is asked for at every sign-in from now on."))
            return after_new_factor(user)
        form.add_error("code", wrong_code(second_factors.refusal_of([device])))
    return render(request, "accounts/totp_confirm.html", {"form": form, **_secret(user, device)})


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def device_remove(request: HttpRequest, kind: str, device_id: int) -> HttpResponse:
    """Ask, then remove one app or key of one's own."""
    user = account_of(request)
    device = own_device(user, kind, device_id)
    if request.method != "POST":
        last = len(second_factors.primary_devices(user)) == 1
        return render(request, "accounts/device_remove.html", {"device": device, "last": last, "kind": kind})
    try:
        second_factors.remove_device(user, device, actor=user, origin=origin_of(request))
    except second_factors.LastFactor:
        messages.error(request, _("Your account must keep one second factor. Add another one first."))
    else:
        messages.success(request, _("%(name)s was removed.") % {"name": device.name})
    return redirect("account_security")


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def device_rename(request: HttpRequest, kind: str, device_id: int) -> HttpResponse:
    """Give one's own app or key another name."""
    user = account_of(request)
    device = own_device(user, kind, device_id)
    form = DeviceNameForm(request.POST or None, initial={"name": device.name})
    if request.method == "POST" and form.is_valid():
        second_factors.rename_device(user, device, form.cleaned_data["name"])
        return redirect("account_security")
    return render(request, "accounts/device_rename.html", {"form": form, "device": device})


def own_device(user: User, kind: str, device_id: int) -> Device:
    """The account's confirmed app ("app") or key ("key") of this id; raises Http404."""
    rows = webauthn_credentials() if kind == "key" else TotpDevice.objects
    device: Device | None = rows.filter(pk=device_id, user=user, confirmed=True).first()
    if device is None:
        raise Http404
    return device


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes; the POST leads to the only page that ever shows them."""
    user = account_of(request)
    if not second_factors.has_primary_factor(user):
        messages.error(
            request,
            _("Recovery codes are for the day you lose your device. Add an authenticator app or a security key first."),
        )
        return redirect("account_security")
    if request.method != "POST":
        left = second_factors.summary(user).codes_left
        return render(request, "accounts/recovery_codes.html", {"left": left, "count": codes.RECOVERY_CODES})
    plain = second_factors.make_codes(user, actor=user, origin=origin_of(request))
    outcomes.keep_outcome(request, CODES, secret=plain)
    return redirect("account_recovery_codes_shown")


@never_cache
@login_required
@require_safe
def recovery_codes_shown(request: HttpRequest) -> HttpResponse:
    """The new codes, once; afterwards the page that asks whether they are saved."""
    outcome = outcomes.take_outcome(request, CODES)
    if outcome is None or outcome.secret is None:
        messages.info(request, _("New codes are shown once. If you did not save them, make new ones."))
        return redirect("account_recovery_codes_prove")
    shown = {"codes": outcome.secret, "username": account_of(request).username, "form": RecoveryCodeForm()}
    return render(request, "accounts/recovery_codes_shown.html", shown)


@never_cache
@login_required
@require_recent_second_factor_for_form
@sensitive_post_parameters("code")
@read_or_write
def recovery_codes_prove(request: HttpRequest) -> HttpResponse:
    """Type one of the codes to show that they are saved; it is not used up."""
    user = account_of(request)
    form = RecoveryCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if second_factors.prove_codes(user, form.cleaned_data["code"]):
            messages.success(request, _("Your recovery codes are saved. The one you typed is still unused."))
            return redirect("account_security")
        form.add_error(
            "code", _("This is not one of your unused codes. Look at the codes that you saved, or make new ones.")
        )
    return render(request, "accounts/recovery_codes_prove.html", {"form": form})


def after_new_factor(user: User) -> HttpResponse:
    """Offer recovery codes in the same visit to whoever has none."""
    has_codes = second_factors.summary(user).codes_left > 0
    return redirect("account_security" if has_codes else "account_recovery_codes")


def _secret(user: User, device: TotpDevice) -> dict[str, object]:
    raw = device.raw_secret()
    return {"device": device, "secret": codes.groups(codes.base32(raw)), "qr": qr_code(otpauth.uri(user, raw))}


def qr_code(text: str) -> SafeString:
    """An inline SVG, black on its own white plate with the four modules of quiet zone every scanner wants."""
    svg = segno.make(text, micro=False, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")
    label, picture = _("QR code that holds the secret for your app"), mark_safe(svg)  # noqa: S308 - segno's own drawing
    return format_html('<div class="qr" role="img" aria-label="{}">{}</div>', label, picture)
