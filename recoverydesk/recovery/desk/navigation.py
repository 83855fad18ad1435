"""The desk's sidebar: nine places, those that this member of staff may open."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.desk_admin import page_named
from recoverydesk.recovery.permissions import VIEW


@dataclass(frozen=True)
class Place:
    """One entry: its page, the right to open it, and how the names of the pages below it begin."""

    title: str | Promise
    page: str
    right: str
    below: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One entry as a page shows it."""

    title: str | Promise
    url: str
    current: bool


PLACES = (
    Place(_("Tickets"), "recovery_recoveryticket_changelist", VIEW, ("recovery_",)),
    Place(_("Unmatched"), "channels_unmatched_changelist", "channels.view_unmatched", ("channels_",)),
    Place(
        _("Accounts"),
        "accounts_user_changelist",
        "accounts.view_user",
        ("accounts_user_", "recovery_account", "recovery_open"),
    ),
    Place(_("Projects"), "projects_project_changelist", "projects.view_project", ("projects_", "recovery_project")),
    Place(_("Code hosts"), "recovery_codehost_changelist", "recovery.view_codehost", ("recovery_codehost_",)),
    Place(
        _("Replies"),
        "recovery_replytemplate_changelist",
        "recovery.view_replytemplate",
        ("recovery_replytemplate_",),
    ),
    Place(_("Log"), "audit_event_changelist", "audit.view_event", ("audit_event_",)),
    Place(_("Figures"), "statistics_figures_changelist", "statistics.view_figures", ("statistics_",)),
    Place(_("Settings"), "recovery_settings", VIEW, ("recovery_settings",)),
)


def entries(user: User, page: str) -> list[Entry]:
    """What this person may open; `page` is the name of the address that is shown. No query but those of the rights."""
    here = max(PLACES, key=lambda place: _length(place, page))
    known = _length(here, page) > 0
    return [
        Entry(place.title, url, known and place is here)
        for place in PLACES
        if user.has_perm(place.right) and (url := page_named(place.page))
    ]


def _length(place: Place, page: str) -> int:
    """How much of the page's name this place claims: the longest claim wins."""
    return max((len(start) for start in place.below if page.startswith(start)), default=0)
