"""What the desk has learned of the hosts it asks: read before a round, written after it, one row per (host, port).

A row is leased for the time of a visit, so that one worker at a time asks a host and its limits hold across workers.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from audit.log import record
from audit.tags import Tag
from common import leases
from common.clock import database_now
from common.transport.client import WebOrigin
from recoverydesk.recovery.errors import NotAllowed
from recoverydesk.recovery.models import Boundary, CodeHost, Status
from recoverydesk.recovery.permissions import WORK_TICKETS, Actor, Who
from recoverydesk.recovery.probing.neighbours import Gate
from recoverydesk.recovery.probing.patience import Knowledge, Visit, within_bounds
from recoverydesk.recovery.probing.verdicts import Result
from recoverydesk.recovery.repository_urls import known_hosts
from recoverydesk.recovery.repository_urls.known_hosts import Pace

FORGET_UNUSED = timedelta(days=30)


def knowledge(row: CodeHost) -> Knowledge:
    """A row as plain values."""
    return Knowledge(
        protocol=row.protocol,
        learned_at=row.learned_at,
        failures=row.failures,
        circuit_open_until=row.circuit_open_until,
        tokens=row.tokens,
        tokens_at=row.tokens_at,
        asked_on=row.asked_on,
        asked=row.asked,
        pace=pace(row),
    )


def pace(row: CodeHost) -> Pace:
    """How much the host may be asked: what staff have set for it, else what is usual for it."""
    usual = known_hosts.pace(row.host)
    a_day = usual.a_day if row.looks_a_day is None else row.looks_a_day
    return within_bounds(a_day, usual.a_second if row.looks_a_second is None else row.looks_a_second)


def lease_hosts(origins: Iterable[WebOrigin]) -> dict[str, CodeHost]:
    """Lease the hosts nobody else is asking just now, by key; a host never asked before gets its row."""
    return _lease({origin.key: f"{origin.scheme}://{origin.key}" for origin in origins})


def take_domains(domains: Iterable[str]) -> dict[str, CodeHost]:
    """Lease the domains (`*.example.org`) below whose names nobody else is asking; each has a row like a host's."""
    return _lease({domain: f"https://{domain}" for domain in domains})


def _lease(wanted: dict[str, str]) -> dict[str, CodeHost]:
    """Lease rows by host, making those that are missing, with the origin they stand for."""
    known = set(CodeHost.objects.filter(host__in=wanted).values_list("host", flat=True))
    fresh = [CodeHost(host=key, origin=wanted[key], described=False) for key in sorted(wanted.keys() - known)]
    CodeHost.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = CodeHost.objects.filter(host__in=wanted)
    return {row.host: row for row in leases.claim(rows, limit=len(wanted), order_by=("host",))} if wanted else {}


def settle_domain(row: CodeHost, gate: Gate) -> None:
    """Keep what is left in the bucket that a domain's hosts share, and end its lease."""
    leases.save_if_held(row, tokens=gate.bucket.tokens, tokens_at=database_now())


def give_back(row: CodeHost) -> None:
    """End the lease of a host that was not asked after all."""
    leases.save_if_held(row)


def settle(row: CodeHost, visit: Visit) -> bool:
    """Keep what a visit has shown and end its lease; False when the lease was lost and nothing is kept.

    Where the host is to be left alone, nobody's next look there is due before.
    """
    now = database_now()
    fields = _outcome(row, visit, now)
    kept = leases.save_if_held(row, **fields)
    if kept and visit.rest is not None:
        postpone(row.host, now + visit.rest)
    return kept


def _outcome(row: CodeHost, visit: Visit, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "failures": visit.failures,
        "trouble": visit.trouble,
        "circuit_open_until": now + visit.rest if visit.rest is not None else None,
        "tokens": visit.tokens,
        "tokens_at": now,
        "asked_on": now.astimezone(UTC).date(),
        "asked": knowledge(row).asked_today(now) + visit.asked,
    }
    if visit.relearned:
        fields |= {"protocol": visit.spoken, "learned_at": now}
    return fields


def boundaries_at(key: str) -> QuerySet[Boundary]:
    """The boundaries open tickets still wait for whose repositories are asked at this host."""
    return Boundary.objects.filter(
        host__in=known_hosts.names_at(key), ticket__status=Status.CHALLENGED, kind=Boundary.Kind.ASKED, proved_at=None
    )


def postpone(key: str, until: datetime) -> int:
    """Let no look at this host be due before `until`; returns how many were."""
    return boundaries_at(key).filter(next_probe_at__lt=until).update(next_probe_at=until)


def spoken_at(origin: WebOrigin) -> str:
    """What the host was learned to speak; also before the first `migrate`, when nothing is stored."""
    row = CodeHost.objects.filter(host=origin.key).first() if _is_stored() else None
    return knowledge(row).spoken(database_now()) if row else ""


def note(origin: WebOrigin, result: Result) -> None:
    """Keep what a single look from the shell has shown; unless a worker is just asking that host."""
    if not _is_stored() or not result.requests:
        return
    for row in lease_hosts([origin]).values():
        visit = Visit(knowledge(row), database_now())
        visit.take()
        visit.heard(result)
        settle(row, visit)


def _is_stored() -> bool:
    return CodeHost._meta.db_table in connection.introspection.table_names()


def probe_now(host: CodeHost, *, actor: Actor) -> int:
    """Close the circuit and make everything that waits for this host due now; returns how much that is.

    Raises NotAllowed for whoever may not work tickets.
    """
    if WORK_TICKETS not in actor.rights and Who.SYSTEM not in actor.parts:
        raise NotAllowed
    CodeHost.objects.filter(pk=host.pk).update(failures=0, trouble="", circuit_open_until=None)
    waiting = boundaries_at(host.host).exclude(next_probe_at__lte=Now()).update(next_probe_at=Now())
    record(Tag.CODEHOST_PROBE_NOW, actor=actor.party, host=host.host, url=host.origin, looks=waiting)
    return waiting


def forget_unused() -> int:
    """Drop the rows of hosts that staff never described and nobody asked for 30 days."""
    unused = Q(tokens_at__lt=Now() - FORGET_UNUSED) | Q(tokens_at=None, created_at__lt=Now() - FORGET_UNUSED)
    rows = CodeHost.objects.filter(unused, described=False, paused_at=None, lease=None)
    rows = rows.filter(looks_a_day=None, looks_a_second=None)
    return rows.delete()[0]
