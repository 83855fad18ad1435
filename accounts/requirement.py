"""Who must have a second factor, from which day, what a banner says before it, and what stays closed after it."""

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import addresses, hooks
from accounts.factors import has_primary_factor
from accounts.models import User

ENROLMENT = {
    "account_security", "account_totp_start", "account_totp_confirm", "account_key_start", "account_key_options",
    "account_step_up", "account_reauthenticate",
}  # fmt: skip
SIGN_IN = {
    "account_login", "account_logout", "account_inactive", "account_second_factor", "account_passkey",
    "account_email_verification_sent", "account_correct_address", "account_confirm_email", "account_reset_password",
    "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "account_locked_out", "account_frozen", "recover_held_tokens",
}  # fmt: skip
HISTORY = {"account_history", "account_history_csv", "account_not_me"}
HARM_ENDS = {"account_sessions_end", "account_freeze"}  # where "this wasn't me" leads: they only take access away
OPEN = frozenset(ENROLMENT | SIGN_IN | HISTORY | HARM_ENDS)


@dataclass(frozen=True)
class Requirement:
    """A second factor is asked of an account: at once, or from a day on."""

    since: date | None

    @property
    def is_due(self) -> bool:
        return self.since is None or timezone.now().date() >= self.since


def requirement_of_user(user: User) -> Requirement | None:
    """What SECOND_FACTOR_REQUIRED asks of this account; staff and accounts after a reset are asked at once."""
    if user.is_staff or hooks.must_have_second_factor(user):
        return Requirement(None)
    wanted = settings.SECOND_FACTOR_REQUIRED
    if wanted == "everyone" or (wanted == "project_owners" and hooks.owns_projects(user)):
        return Requirement(settings.SECOND_FACTOR_REQUIRED_FROM)
    return None


def is_due(user: User) -> bool:
    """Whether this account may not be without a second factor now."""
    requirement = requirement_of_user(user)
    return requirement is not None and requirement.is_due


def closes(request: HttpRequest) -> bool:
    """Whether this page stays closed until its visitor has the second factor their account owes.

    Open are enrolment, signing in and out, recovery and one's own history; the addresses, too, while none is verified,
    since enrolment asks for that first (ADR 0074). Pages outside SECOND_FACTOR_FIRST are nobody's account.
    """
    user = request.user
    if not request.path_info.startswith(tuple(settings.SECOND_FACTOR_FIRST)) or not isinstance(user, User):
        return False
    if getattr(user, "otp_device", None) or not is_due(user) or has_primary_factor(user):
        return False
    name = _name_of(request.path_info)
    return name not in OPEN and not (name == "account_email" and addresses.primary(user) is None)


def _name_of(path: str) -> str:
    try:
        return resolve(path).url_name or ""
    except Resolver404:
        return ""


def banners(request: HttpRequest) -> list[hooks.Banner]:
    """One line for who has no second factor and is, or will be, asked for one."""
    user = request.user
    if not isinstance(user, User) or getattr(user, "otp_device", None) or has_primary_factor(user):
        return []
    requirement = requirement_of_user(user)
    if requirement is None:
        return []
    return [hooks.Banner(text=_words(requirement), url=reverse("account_totp_start"), label=_("Add one"))]


def _words(requirement: Requirement) -> str:
    if requirement.is_due or requirement.since is None:
        return _("Your account needs a second factor.")
    day = date_format(requirement.since, "DATE_FORMAT")
    return _("From %(day)s on, you need a second factor to sign in.") % {"day": day}
