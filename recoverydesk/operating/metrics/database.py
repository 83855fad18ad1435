"""Numbers that the database knows, asked when somebody asks: so they are right whichever process answers."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from accounts.mail.models import Mail, Request
from audit.chain import sealing
from audit.models import Event
from audit.tags import Tag
from common import leases
from common.clock import database_now
from recoverydesk.operating.last_runs import LASTING
from recoverydesk.operating.models import LastRun
from recoverydesk.recovery.background import heartbeat
from recoverydesk.recovery.code_hosts import learned
from recoverydesk.recovery.models import (
    OPEN_STATUSES,
    Boundary,
    Chore,
    CodeHost,
    Heartbeat,
    Probe,
    RecoveryTicket,
    Status,
    Turn,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HOSTS = 20  # named; the others together are OTHERS: strangers' links bring new hosts every day
OTHERS = "others"
MAILS_READ = 1000  # errors of mails, for their codes
CODE = re.compile(r"\(([2-5]\d\d)\b")
NO_CODE = "none"
REFUSALS = sorted(tag for tag in Tag if tag.value.rpartition(":")[2] in ("failure", "refused"))
Value = tuple[tuple[str, ...], float]


def gauge(name: str, words: str, labels: Iterable[str], values: Iterable[Value]) -> Metric:
    """One metric with its values by label."""
    family = GaugeMetricFamily(f"recoverydesk_{name}", words, labels=list(labels))
    for labelled, value in values:
        family.add_metric(labelled, value)
    return family


def age(at: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 where there is nothing that waits."""
    return max(0.0, (now - at).total_seconds()) if at else 0.0


class Numbers:
    """Everything below, as prometheus-client collects it. Each method says its queries."""

    def collect(self) -> Iterator[Metric]:
        """About twenty queries, each over rows that are due, open or of the last day."""
        now = database_now()
        for part in (tickets, probes, hosts, mails, held, unsealed, commands, rounds, refusals):
            yield from part(now)


def tickets(now: datetime) -> Iterator[Metric]:
    """Two queries over open tickets."""
    rows = RecoveryTicket.objects.filter(status__in=OPEN_STATUSES)
    grouped = rows.values_list("status", "turn").annotate(n=Count("pk")).order_by()
    counts = {(status, turn): n for status, turn, n in grouped}
    every = [(Status(status).value, turn.value) for status in OPEN_STATUSES for turn in Turn if turn != Turn.NOBODY]
    yield gauge("tickets", "Open tickets", ("status", "turn"), [(one, counts.get(one, 0)) for one in every])
    oldest = rows.filter(turn=Turn.OURS, snoozed_until=None).aggregate(at=Min("turn_since"))["at"]
    yield gauge("ours_oldest_seconds", "How long the oldest ticket of ours waits", (), [((), age(oldest, now))])


def probes(now: datetime) -> Iterator[Metric]:
    """One query over the looks of a day."""
    rows = Probe.objects.filter(probed_at__gt=now - DAY).values_list("boundary__host", "verdict")
    counts = {(host, verdict): n for host, verdict, n in rows.annotate(n=Count("pk")).order_by()}
    by_host: Counter[str] = Counter()
    for (host, _verdict), count in counts.items():
        by_host[host] += count
    named = {host for host, _count in by_host.most_common(HOSTS)}
    shown: Counter[tuple[str, str]] = Counter()
    for (host, verdict), count in counts.items():
        shown[host if host in named else OTHERS, verdict] += count
    yield gauge("probes_day", "Looks at repositories in 24 hours", ("host", "verdict"), shown.items())


def hosts(now: datetime) -> Iterator[Metric]:
    """Two queries over code hosts."""
    busiest = CodeHost.objects.filter(asked_on=now.date()).order_by("-asked", "pk")[:HOSTS]
    rows = [(row.host, row.asked, learned.pace(row).a_day) for row in busiest]
    yield gauge("looks_today", "Requests to the busiest hosts today", ("host",), [((h,), n) for h, n, _most in rows])
    yield gauge("looks_limit", "Most requests of a day there", ("host",), [((h,), most) for h, _n, most in rows])
    stopped = CodeHost.objects.aggregate(
        resting=Count("pk", filter=Q(circuit_open_until__gt=now)), paused=Count("pk", filter=Q(paused_at__isnull=False))
    )
    yield gauge("hosts_stopped", "Hosts that are not asked", ("why",), [((why,), n) for why, n in stopped.items()])


def mails(now: datetime) -> Iterator[Metric]:
    """Three queries over what is queued, and what was lost in a day."""
    queued = Mail.objects.filter(state=Mail.State.QUEUED)
    found = queued.aggregate(queued=Count("pk"), retried=Count("pk", filter=Q(attempts__gt=0)), at=Min("queued_at"))
    oldest = found.pop("at")
    lost = Mail.objects.filter(state__in=(Mail.State.FAILED, Mail.State.BOUNCED), settled_at__gt=now - DAY)
    counts = dict(lost.values_list("state").annotate(n=Count("pk")).order_by())
    found |= {state.value: counts.get(state, 0) for state in (Mail.State.FAILED, Mail.State.BOUNCED)}
    words = "Mails in the queue, tried before among them, and lost in 24 hours"
    yield gauge("mails", words, ("state",), [((state,), n) for state, n in found.items()])
    yield gauge("mails_oldest_seconds", "How long the oldest queued mail waits", (), [((), age(oldest, now))])
    refused = (queued | lost).exclude(error="").order_by("-pk").values_list("error", flat=True)[:MAILS_READ]
    codes = Counter(match[1] if (match := CODE.search(error)) else NO_CODE for error in refused)
    words = "Those mails by the code of the last refusal"
    yield gauge("mails_refused", words, ("code",), [((code,), n) for code, n in codes.items()])


def held(now: datetime) -> Iterator[Metric]:
    """One query for each kind of leased row that is due."""
    due = {
        "mail": Mail.objects.filter(state=Mail.State.QUEUED),
        "request": Request.objects.filter(handled_at=None),
        "boundary": Boundary.objects.filter(next_probe_at__isnull=False),
        "ticket": RecoveryTicket.objects.filter(status__in=OPEN_STATUSES),
        "host": CodeHost.objects.all(),
        "chore": Chore.objects.all(),
    }
    mine = {
        name: rows.filter(leases.in_use()).aggregate(n=Count("pk"), until=Min("leased_until"))
        for name, rows in due.items()
    }
    yield gauge("leases", "Rows that a worker holds", ("kind",), [((name,), one["n"]) for name, one in mine.items()])
    ages = [((name,), age(one["until"] and one["until"] - leases.LEASE, now)) for name, one in mine.items()]
    yield gauge("leases_oldest_seconds", "How long the oldest lease is held", ("kind",), ages)


def unsealed(now: datetime) -> Iterator[Metric]:
    """Two queries at the end of the log."""
    head = sealing.last_seal()
    rows = Event.objects.filter(pk__gt=head.last_id if head else 0)
    found = rows.aggregate(n=Count("pk"), at=Min("time"))
    yield gauge("events_unsealed", "Events that no seal has yet", (), [((), found["n"])])
    yield gauge("events_unsealed_seconds", "How long the oldest of them waits", (), [((), age(found["at"], now))])


def commands(now: datetime) -> Iterator[Metric]:
    """One query."""
    rows = list(LastRun.objects.filter(name__in=LASTING).order_by("name"))
    words = "How a command of the site's timers last ended"
    yield gauge("command_exit_code", words, ("command",), [((row.name,), row.code) for row in rows])
    ages = [((row.name,), age(row.at, now)) for row in rows]
    yield gauge("command_seconds", "How long ago that was", ("command",), ages)


def rounds(now: datetime) -> Iterator[Metric]:
    """One query."""
    row = Heartbeat.objects.filter(name=heartbeat.SWEEP).first()
    if row is not None:
        yield gauge("sweep_age_seconds", "How long ago a round of due work ended", (), [((), age(row.at, now))])
        seconds = [((part,), took) for part, took in row.seconds.items() if part in heartbeat.PARTS]
        yield gauge("sweep_seconds", "How long each part of it took", ("part",), seconds)


def refusals(now: datetime) -> Iterator[Metric]:
    """One query over the events of an hour."""
    rows = Event.objects.filter(time__gt=now - HOUR, tag__in=REFUSALS).values_list("tag")
    counts = dict(rows.annotate(n=Count("pk")).order_by())
    shown = [((tag.value,), counts.get(tag.value, 0)) for tag in REFUSALS]
    yield gauge("refusals_hour", "Refused steps and sign-ins in an hour, by the tag of their event", ("event",), shown)
