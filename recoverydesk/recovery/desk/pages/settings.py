"""The settings in force, to read. What is secret is not among them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recoverydesk.recovery import ladder
from recoverydesk.recovery.desk.pages.staff_request import must_view
from recoverydesk.recovery.evidence import cases

Words = str | Promise
GROUPS: tuple[tuple[Words, dict[str, Words]], ...] = (
    (
        gettext_lazy("Waiting periods and who decides"),
        {
            "RECOVERY_OBJECTION_WINDOW": gettext_lazy("Normal waiting period"),
            "RECOVERY_OBJECTION_WINDOW_CRITICAL": gettext_lazy("Normal waiting period, critical projects"),
            "RECOVERY_WAIT_WITHOUT_BOUNDARY": gettext_lazy("Waiting period if no repository is named"),
            "RECOVERY_WAIT_CAREFUL": gettext_lazy("Waiting period after a dispute or an exception"),
            "RECOVERY_WAIT_NEW_CONTACT": gettext_lazy("Waiting period for a new address"),
            "RECOVERY_WAIT_NOTHING_BOUND": gettext_lazy("Waiting period without account proof"),
            "RECOVERY_TWO_PERSON": gettext_lazy("When two people decide"),
            "RECOVERY_HUMAN_RESET": gettext_lazy("Staff may reset accounts"),
        },
    ),
    (
        gettext_lazy("Tickets"),
        {
            "RECOVERY_AUTO_CHALLENGE": gettext_lazy("Ask for proof automatically if the request fits the account"),
            "RECOVERY_EXPIRES_AFTER": gettext_lazy("Claimant's time before a ticket expires"),
            "RECOVERY_OBJECT_WITHIN": gettext_lazy("Time to object after a reset"),
            "RECOVERY_YOUNG_LINK": gettext_lazy("Links, roles and addresses younger than this prove nothing"),
            "RECOVERY_RETIRES_AFTER": gettext_lazy("Time after which we no longer ask for a replaced repository"),
            "SWEEP_EVERY": gettext_lazy("Time between two rounds of background work"),
        },
    ),
    (
        gettext_lazy("Accounts and staff"),
        {
            "SECOND_FACTOR_REQUIRED": gettext_lazy("Who must have a second factor"),
            "STAFF_STEP_UP": gettext_lazy("Second factor that staff need for a decision"),
            "RECENT_SECOND_FACTOR": gettext_lazy("Time for which a second factor counts as recent"),
            "QUARANTINE_AFTER_SIGN_IN": gettext_lazy("Time of the limits after a recovery, from the first sign-in"),
            "NOTICE_AFTER_REMOVAL": gettext_lazy("Time for which a removed address still gets notices"),
        },
    ),
    (
        gettext_lazy("How long we keep it"),
        {
            "KEEP_MAILS": gettext_lazy("Mails that left; those of a ticket, with their links, after its end"),
            "KEEP_PROBES": gettext_lazy("Looks at repositories, after the end of their ticket"),
            "KEEP_REQUESTS": gettext_lazy("Handled requests"),
            "KEEP_BROWSERS": gettext_lazy("A browser nobody signs in with"),
            "AUDIT_DETAIL_RETENTION": gettext_lazy("Network, device and address of an event"),
        },
    ),
    (
        gettext_lazy("This site"),
        {
            "SITE_NAME": gettext_lazy("Name"),
            "BASE_URL": gettext_lazy("Address"),
            "RECOVERY_CONTACT_URL": gettext_lazy("Where people reach us"),
            "RECOVERY_ISSUE_TRACKER": gettext_lazy("Issue tracker"),
            "RECOVERY_PROFILE_URLS": gettext_lazy("Profile pages"),
            "UPLOADS": gettext_lazy("Uploads"),
            "INDEX_PRIVATE": gettext_lazy("Only people with an account can read the index"),
            "SIGN_UP": gettext_lazy("Sign-up"),
            "TOKEN_PREFIX": gettext_lazy("API tokens begin with"),
            "LANGUAGE_CODE": gettext_lazy("Language"),
            "TIME_ZONE": gettext_lazy("Time zone"),
            "PRODUCTION": gettext_lazy("Production"),
            "DEBUG": gettext_lazy("Debug"),
            "DEMO": gettext_lazy("Demo"),
        },
    ),
)
CHOICES: dict[tuple[str, str], Words] = {
    ("RECOVERY_TWO_PERSON", "policy"): gettext_lazy("from doubt 3"),
    ("RECOVERY_TWO_PERSON", "always"): gettext_lazy("always"),
    ("SECOND_FACTOR_REQUIRED", "off"): gettext_lazy("nobody"),
    ("SECOND_FACTOR_REQUIRED", "staff"): gettext_lazy("staff"),
    ("SECOND_FACTOR_REQUIRED", "project_owners"): gettext_lazy("staff and people with a role in a project"),
    ("SECOND_FACTOR_REQUIRED", "everyone"): gettext_lazy("everybody"),
    ("SIGN_UP", "open"): gettext_lazy("everybody"),
    ("SIGN_UP", "closed"): gettext_lazy("nobody"),
    ("STAFF_STEP_UP", "any"): gettext_lazy("any second factor"),
    ("STAFF_STEP_UP", "webauthn"): gettext_lazy("a security key"),
}
SECONDS = ("SWEEP_EVERY",)
RUNGS = {  # of the ladder, and whether for critical projects alone
    "RECOVERY_OBJECTION_WINDOW": (1, False),
    "RECOVERY_OBJECTION_WINDOW_CRITICAL": (1, True),
    "RECOVERY_WAIT_WITHOUT_BOUNDARY": (2, False),
    "RECOVERY_WAIT_CAREFUL": (3, False),
    "RECOVERY_WAIT_NEW_CONTACT": (4, False),
    "RECOVERY_WAIT_NOTHING_BOUND": (5, False),
}
UNSAFE = ("KEY", "SECRET", "PASSWORD", "TOKENS", "DSN")


@dataclass(frozen=True)
class Setting:
    """One setting as the page shows it; `rung` names the rung of the ladder that waits so long."""

    name: str
    label: Words
    value: str
    rung: str


def groups() -> list[tuple[Words, list[Setting]]]:
    """Every setting of the desk in its group, in words and units; no secret, no address of a service."""
    return [(title, [_setting(name, label) for name, label in labels.items()]) for title, labels in GROUPS]


def in_force() -> list[tuple[str, str]]:
    """The same without groups: name and value."""
    return [(one.name, one.value) for _title, shown in groups() for one in shown]


def _setting(name: str, label: Words) -> Setting:
    return Setting(name, label, _words(name, getattr(settings, name)), rung_of(name))


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if name in SECONDS:
        value = timedelta(seconds=value)
    if isinstance(value, timedelta):
        return ladder.length(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "–"
    return str(CHOICES.get((name, value), value)) if value not in ("", None) else "–"


def rung_of(name: str) -> str:
    """Which rung of the ladder waits so long; "" for every other setting."""
    if name not in RUNGS:
        return ""
    number, critical = RUNGS[name]
    rung = ladder.rungs(cases.numbers())[number]
    longer = (rung.wait_critical if critical else rung.wait) != getattr(settings, name)
    words = {"number": number, "wait": ladder.length(rung.wait_critical if critical else rung.wait)}
    if longer:
        return _("waiting period of doubt %(number)d: %(wait)s, the same as for a lower doubt") % words
    return (_("wait of doubt %(number)d, critical projects") if critical else _("wait of doubt %(number)d")) % words


def show_settings(request: HttpRequest) -> HttpResponse:
    """The page: a table for each group, nothing to change. They come from the environment alone."""
    must_view(request)
    context = {**admin.site.each_context(request), "title": _("Settings"), "groups": groups()}
    return TemplateResponse(request, "admin/recovery/settings.html", context)
