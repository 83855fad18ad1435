"""Why a look at a boundary has to wait, for the ticket page: its host has had its looks, rests or is paused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from recoverydesk.recovery.code_hosts import learned
from recoverydesk.recovery.models import Boundary, CodeHost, RecoveryTicket, Status
from recoverydesk.recovery.repository_urls import known_hosts


@dataclass(frozen=True)
class Wait:
    """A host that keeps a boundary waiting, and why."""

    host: CodeHost
    sentence: str


def waits(ticket: RecoveryTicket, boundaries: Iterable[Boundary], now: datetime) -> dict[int, Wait]:
    """By the boundary's id; none for what is proved or no longer looked at. One query, or none."""
    names = {row.pk: row.host for row in boundaries if row.kind == Boundary.Kind.ASKED and row.proved_at is None}
    if ticket.status != Status.CHALLENGED or not names:
        return {}
    keys = {key for name in names.values() for key in known_hosts.asked_at(name)}
    found = {row.host: Wait(row, said) for row in CodeHost.objects.filter(host__in=keys) if (said := _why(row, now))}
    return {pk: found[key] for pk, name in names.items() for key in known_hosts.asked_at(name) if key in found}


def _why(host: CodeHost, now: datetime) -> str:
    known = learned.knowledge(host)
    until = known.rests_until(now)
    if host.paused_at is not None:
        return _("Staff have paused %(host)s.") % {"host": host.host}
    if until is None:
        return ""
    named = {"host": host.host, "most": known.pace.a_day, "at": date_format(until, "Y-m-d H:i e")}
    if host.circuit_open_until == until:
        return _("%(host)s failed. We do not check it until %(at)s.") % named
    return (
        _("We have checked %(host)s %(most)d times today. We may not check it more often. The next check is at %(at)s.")
        % named
    )
