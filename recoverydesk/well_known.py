"""Addresses that programs know by heart: where to change a password, and whom to tell of a hole (RFC 9116)."""

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

HOLDS_FOR = timedelta(days=90)  # who reads the file later asks again


@require_safe
def change_password(request: HttpRequest) -> HttpResponse:
    """Lead a password manager to the page that changes the password."""
    return redirect("account_change_password")


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """SECURITY_CONTACT with the day until which it holds; 404 where the site names none."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {timezone.now() + HOLDS_FOR:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(code for code, _name in settings.LANGUAGES)}",
        f"Canonical: {settings.BASE_URL}{reverse('security_txt')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
