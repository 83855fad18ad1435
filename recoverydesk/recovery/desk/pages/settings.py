"""The settings in force, to read. What is secret is not among them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from recoverydesk.recovery.desk.pages.staff_request import must_view

SHOWN = (
    "BASE_URL", "SITE_NAME", "PRODUCTION", "DEBUG", "DEMO", "SECOND_FACTOR_REQUIRED", "STAFF_STEP_UP",
    "RECENT_SECOND_FACTOR", "QUARANTINE_AFTER_SIGN_IN", "NOTICE_AFTER_REMOVAL", "SWEEP_EVERY", "TOKEN_PREFIX",
    "UPLOADS", "LANGUAGE_CODE", "TIME_ZONE",
)  # fmt: skip
UNSAFE = ("KEY", "SECRET", "PASSWORD", "TOKENS", "DSN")


def in_force() -> list[tuple[str, str]]:
    """Every setting of the desk with its value in words; no secret, no address of a service."""
    ours = [name for name in dir(settings) if name.startswith("RECOVERY_")]
    names: Iterable[str] = dict.fromkeys([*ours, *SHOWN])
    safe = [name for name in names if hasattr(settings, name) and not any(word in name for word in UNSAFE)]
    return [(name, _words(getattr(settings, name))) for name in safe]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, timedelta):
        return _length(value)
    return str(value) if value not in ("", None) else "–"


def _length(value: timedelta) -> str:
    """In the largest unit that leaves nothing over."""
    seconds = round(value.total_seconds())
    if seconds % 86400 == 0:
        return ngettext("%d day", "%d days", seconds // 86400) % (seconds // 86400)
    if seconds % 3600 == 0:
        return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    if seconds % 60 == 0:
        return ngettext("%d minute", "%d minutes", seconds // 60) % (seconds // 60)
    return ngettext("%d second", "%d seconds", seconds) % seconds


def show_settings(request: HttpRequest) -> HttpResponse:
    """The page: a table, nothing to change. They come from the environment alone."""
    must_view(request)
    context = {**admin.site.each_context(request), "title": _("Settings in force"), "settings_in_force": in_force()}
    return TemplateResponse(request, "admin/recovery/settings.html", context)
