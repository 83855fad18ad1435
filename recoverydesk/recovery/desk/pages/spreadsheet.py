"""The columns of the tickets' file; `common.csv_safe` keeps its cells from being formulas."""

from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recoverydesk.recovery.desk.queue import QueueRow

COLUMNS: dict[str | Promise, Callable[[QueueRow], object]] = {
    _("ticket"): lambda row: row.ticket.pk,
    _("account"): lambda row: row.ticket.subject.username,
    _("claim"): lambda row: row.claim,
    _("status"): lambda row: row.status,
    _("whose turn"): lambda row: row.turn,
    _("waiting since"): lambda row: f"{row.ticket.turn_since:%Y-%m-%d %H:%M:%S}Z",
    _("opened"): lambda row: f"{row.ticket.opened_at:%Y-%m-%d %H:%M:%S}Z",
    _("closed"): lambda row: f"{row.ticket.closed_at:%Y-%m-%d %H:%M:%S}Z" if row.ticket.closed_at else "",
    _("proved"): lambda row: row.proved,
    _("asked"): lambda row: row.asked,
    _("with"): lambda row: row.ticket.assigned_to.username if row.ticket.assigned_to else "",
    _("flags"): lambda row: ", ".join(str(flag.word) for flag in row.flags),
    _("issue"): lambda row: row.ticket.issue_url,
}
