"""Who must have a second factor, from which day, and what a banner says before and after it."""

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import hooks
from accounts.factors import has_primary_factor
from accounts.models import User


@dataclass(frozen=True)
class Requirement:
    """A second factor is asked of an account: at once, or from a day on."""

    since: date | None

    @property
    def is_due(self) -> bool:
        return self.since is None or timezone.now().date() >= self.since


def of(user: User) -> Requirement | None:
    """What SECOND_FACTOR_REQUIRED asks of this account; staff and accounts after a reset are asked at once."""
    if user.is_staff or hooks.must_have_second_factor(user):
        return Requirement(None)
    wanted = settings.SECOND_FACTOR_REQUIRED
    if wanted == "everyone" or (wanted == "project_owners" and hooks.owns_projects(user)):
        return Requirement(settings.SECOND_FACTOR_REQUIRED_FROM)
    return None


def is_due(user: User) -> bool:
    """Whether this account may not be without a second factor now."""
    requirement = of(user)
    return requirement is not None and requirement.is_due


def banners(request: HttpRequest) -> list[hooks.Banner]:
    """One line for who has no second factor and is, or will be, asked for one."""
    user = request.user
    if not isinstance(user, User) or getattr(user, "otp_device", None) or has_primary_factor(user):
        return []
    requirement = of(user)
    if requirement is None:
        return []
    return [hooks.Banner(text=_words(requirement), url=reverse("account_totp_start"), label=_("Add one"))]


def _words(requirement: Requirement) -> str:
    if requirement.is_due or requirement.since is None:
        return _("Your account needs a second factor.")
    day = date_format(requirement.since, "DATE_FORMAT")
    return _("From %(day)s on your account needs a second factor.") % {"day": day}
