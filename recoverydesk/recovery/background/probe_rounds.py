"""One round of probing: lease what is due and whom to ask, look without the database, keep what was seen."""

import logging
from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from common import failpoints, leases, wake
from common.clock import database_now
from common.transport.client import Limits
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.code_hosts import learned
from recoverydesk.recovery.code_hosts.described import stored_hosts
from recoverydesk.recovery.models import Boundary, CodeHost, Status
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.probing.neighbours import Gate
from recoverydesk.recovery.probing.patience import Visit
from recoverydesk.recovery.probing.plan import Plan
from recoverydesk.recovery.probing.questions import MOST_BRANCHES, Looked, Round, Seen, Stop

logger = logging.getLogger(__name__)

AT_ONCE = 32  # boundaries in a round
SHARED_WITHIN = timedelta(seconds=60)  # looks at one repository due so close together are one
SOON = timedelta(seconds=5)
NOT_REACHED = timedelta(seconds=60)  # its host had to be left alone before its turn came
BROKEN = timedelta(hours=1)


def probe_due() -> int:
    """Look at every boundary that is due (32 at most, and whoever shares their repositories); returns how many."""
    looked = _round(_free(_open_boundaries()).filter(next_probe_at__lte=database_now()))
    if looked:
        learned.forget_unused()
    return looked


def probe_ticket(ticket_id: int, *, actor: Actor) -> int:
    """Look at one ticket's unproved boundaries now, but for those just seen. Raises what `check_now` raises."""
    workflow.check_now(ticket_id, actor=actor)
    return _round(_open_boundaries().filter(ticket=ticket_id))


def limits() -> Limits:
    """The probe's limits, with the address at which a host's staff find out who asks."""
    return Limits(user_agent=f"git/2.0 (RecoveryDesk; +{settings.RECOVERY_CONTACT_URL})")


def _open_boundaries() -> QuerySet[Boundary]:
    """Those to look at. What was seen in the last minute is an answer to whoever asks again, whichever way.

    The desk's own first look, made before anybody could have pushed, is not.
    """
    answered = Q(attempts__gt=1, last_probed_at__gt=database_now() - SHARED_WITHIN)
    return (
        Boundary.objects.filter(ticket__status=Status.CHALLENGED, kind=Boundary.Kind.ASKED, proved_at=None)
        .exclude(answered)
        .select_related("ticket")
    )


def _free(due: QuerySet[Boundary]) -> QuerySet[Boundary]:
    """Without what is at a host another worker is asking just now: it would only take the others' places."""
    visited = CodeHost.objects.filter(leases.in_use(), host=OuterRef("host"))
    return due.exclude(Exists(visited))


def _round(due: QuerySet[Boundary]) -> int:
    leased = leases.claim(due, limit=AT_ONCE, order_by=("next_probe_at",))
    if not leased:
        return 0
    if len(leased) == AT_ONCE:
        wake.call_for_help()
    leased += leases.claim(_companions(leased), limit=MOST_BRANCHES - AT_ONCE, order_by=("next_probe_at",))
    plan = _planned(leased)
    failpoints.reach("probe", "planned")
    rows = learned.lease_hosts(plan.origins.values())
    plan.paced = {key for key, row in rows.items() if row.looks_a_second is not None}
    gates = _domain_gates(plan)
    stops, rests = _stops(plan, rows, {row.host: gate for row, gate in gates})
    kept = _keep_unasked(leased, plan, stops, rests)
    by_id = {boundary.pk: boundary for boundary in leased}
    for news in Round(stops, plan.hosts, plan.limits).run():
        failpoints.reach("probe", "seen")
        if isinstance(news, Looked):
            kept += _keep(by_id[news.boundary_id], plan.seen[news.boundary_id] + news.seen)
        else:
            learned.settle(rows[news.key], stops[news.key].visit)
    for row, gate in gates:
        learned.settle_domain(row, gate)
    return kept


def _domain_gates(plan: Plan) -> list[tuple[CodeHost, Gate]]:
    """The gates of the strangers' domains that are ours to ask below now."""
    rows, now = learned.take_domains(set(plan.domains().values())).values(), database_now()
    known = [(row, learned.knowledge(row)) for row in rows]
    return [(row, Gate(one.tokens_now(now), a_second=one.pace.a_second)) for row, one in known]


def _companions(leased: Iterable[Boundary]) -> QuerySet[Boundary]:
    """Other tickets' looks at the same owners that are due within a minute: they share the answer."""
    same = Q(pk=None)
    for boundary in leased:
        same |= Q(host=boundary.host, namespace=boundary.namespace)
    soon = Q(next_probe_at__lte=database_now() + SHARED_WITHIN)
    return _open_boundaries().filter(same, soon).exclude(pk__in=[boundary.pk for boundary in leased])


def _looks(leased: Iterable[Boundary]) -> dict[int, int]:
    """How many looks each boundary has had: a long list is gone round, 20 repositories at a time."""
    rows = Boundary.objects.filter(pk__in=[boundary.pk for boundary in leased]).annotate(looks=Count("probes"))
    return dict(rows.values_list("pk", "looks"))


def _planned(leased: Iterable[Boundary]) -> Plan:
    plan = Plan(dict(stored_hosts()), limits())
    looks = _looks(leased)
    for boundary in leased:
        try:
            branch = notices.token_of(boundary.ticket)
        except Exception:  # its key is gone, say: the others are looked at
            logger.exception("boundary %s cannot be looked at", boundary.pk)
            continue
        urls = [repository["url"] for repository in boundary.repositories]
        plan.add(boundary.pk, urls, branch, start=looks[boundary.pk])
    return plan


def _stops(
    plan: Plan, rows: Mapping[str, CodeHost], gates: Mapping[str, Gate]
) -> tuple[dict[str, Stop], dict[str, datetime]]:
    """The hosts to ask now, and for each other one when to come back."""
    now, domains = database_now(), plan.domains()
    stops: dict[str, Stop] = {}
    rests = dict.fromkeys(plan.origins, now + SOON)  # another worker is asking
    for key, row in rows.items():
        known = learned.knowledge(row)
        rest = known.rests_until(now)
        domain = domains.get(key)
        if row.paused_at is None and rest is None and (domain is None or domain in gates):
            stops[key] = plan.stop(key, Visit(known, now), gates[domain] if domain else None)
            continue
        learned.give_back(row)
        if row.paused_at is None and rest is None:
            continue  # another worker is asking below the same domain
        if row.paused_at is not None:
            plan.leave_paused(key)
        rests[key] = rest or now + BROKEN
    return stops, rests


def _keep_unasked(leased: Iterable[Boundary], plan: Plan, stops: Container[str], rests: Mapping[str, datetime]) -> int:
    """Those with nobody to ask now: what is known without asking is kept, the others come back when their host may."""
    kept = 0
    for boundary in leased:
        keys = plan.keys_of(boundary.pk)
        if any(key in stops for key in keys):
            continue
        until = min((rests[key] for key in keys), default=database_now() + BROKEN)
        kept += _keep(boundary, plan.seen.get(boundary.pk, []), until)
    return kept


def _keep(boundary: Boundary, seen: Seen, until: datetime | None = None) -> int:
    """Keep one boundary's results; 1, or 0 when there are none. A ticket that moved on keeps nothing of this round."""
    if not seen:
        leases.save_if_held(boundary, next_probe_at=until or database_now() + NOT_REACHED)
        return 0
    try:
        workflow.record_probe(boundary.ticket_id, boundary.pk, lease=boundary.lease, results=seen)
    except errors.InvalidTransition:
        logger.info("ticket %s moved on during a probe", boundary.ticket_id)
    except Exception:  # whatever is wrong with one row, the others' results are kept
        logger.exception("ticket %s: what was seen cannot be kept", boundary.ticket_id)
    return 1
