"""The desk at a glance: what waits, what needs a person, how long things take, and whether the machine runs.

Numbers over weeks are kept in the cache for a few minutes; nothing here counts a whole table.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event, Seal
from common.clock import database_now
from recoverydesk.projects import incidents
from recoverydesk.recovery.background import heartbeat
from recoverydesk.recovery.desk import mentions, queue, trends
from recoverydesk.recovery.desk.assignment import AWAKE
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import OPEN_STATUSES, Boundary, BoundaryException, RecoveryTicket, Status, Turn

KEPT = 300  # seconds in the cache
SHAPE = 2  # of what is kept there; another number when it changes, so that a new version reads nothing old
SHOWN = 10
LATE = timedelta(minutes=10)


def _excepting() -> Q:
    asked = BoundaryException.objects.filter(boundary__ticket=OuterRef("pk"), approved=None)
    return Q(Exists(asked.filter(boundary__proved_at=None)))


def _puzzling() -> Q:
    asked = Boundary.objects.filter(ticket=OuterRef("pk"), kind=Boundary.Kind.ASKED, proved_at=None)
    return Q(Exists(asked.filter(last_verdict__in=cases.NEEDS_A_PERSON)))


NEEDS: dict[str, tuple[str | Promise, Q]] = {
    "objected": (gettext_lazy("somebody objected after the reset"), Q(status=Status.COMPLETED)),
    "disputed": (gettext_lazy("disputed"), Q(disputed_at__isnull=False, status__in=OPEN_STATUSES)),
    "ready": (gettext_lazy("waiting period ended: an admin has to decide"), Q(status=Status.READY)),
    "bounced": (gettext_lazy("mail bounced"), Q(contact_bounced_at__isnull=False, status__in=OPEN_STATUSES)),
    "exception": (gettext_lazy("an exception waits for a second person"), Q(status=Status.CHALLENGED) & _excepting()),
    "verdict": (gettext_lazy("a repository that staff have to check"), Q(status=Status.CHALLENGED) & _puzzling()),
    "new": (gettext_lazy("the request does not fit the account"), Q(status=Status.NEW, challenges_itself=False)),
}  # of the tickets in our turn that nobody has put off


@dataclass(frozen=True)
class Light:
    """One part of the machine: its name, whether it runs, and a word about it."""

    name: str
    ok: bool
    said: str


def read_dashboard(user: User) -> dict[str, Any]:
    """Everything the dashboard shows to this member of staff. About twenty short queries, fewer from the cache."""
    now = database_now()
    stayed = _kept("stays", lambda: trends.stays(now))
    return {
        "now": now,
        "counts": queue.counts(user),
        "oldest": _oldest(user),
        "unread": list(mentions.unread(user)[: mentions.SHOWN]),
        "week": _kept("week", lambda: _week(now)),
        "incidents": list(incidents.standing()[:SHOWN]),
        "needs": [need for need in (_need(name) for name in NEEDS) if need["tickets"]],
        "trend": _kept("trend", lambda: trends.trend(now)),
        "stays": stayed,
        "stays_height": len(stayed) * trends.LINE,
        "lights": lights(now),
    }


def _kept(name: str, make: Any) -> Any:
    return cache.get_or_set(f"desk:{SHAPE}:{name}", make, KEPT)


def _oldest(user: User) -> datetime | None:
    ours = RecoveryTicket.objects.filter(queue.condition("ours", user)).order_by("turn_since")
    return ours.values_list("turn_since", flat=True).first()


def _week(now: datetime) -> dict[str, int]:
    """Resets since Monday, and requests their owners stopped."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    closed = RecoveryTicket.objects.filter(closed_at__gte=monday).values_list("status", flat=True)
    statuses = list(closed[: queue.COUNTED])
    return {"resets": statuses.count(Status.COMPLETED), "stopped": statuses.count(Status.STOPPED)}


def _need(name: str) -> dict[str, Any]:
    """The longest waiting tickets of one kind that need a person."""
    words, wanted = NEEDS[name]
    ours = RecoveryTicket.objects.filter(AWAKE, wanted, turn=Turn.OURS)
    tickets = list(ours.select_related("subject").defer("facts").order_by("turn_since", "id")[: SHOWN + 1])
    return {"words": words, "tickets": tickets[:SHOWN], "more": len(tickets) > SHOWN}


# The machine ----------------------------------------------------------------------------------------------------------


def lights(now: datetime) -> list[Light]:
    """Mail, probes, worker and log in a word each. Four queries on indexed columns."""
    mail = Mail.objects.filter(state=Mail.State.QUEUED).order_by("next_try").values_list("next_try", flat=True).first()
    look = Boundary.objects.filter(next_probe_at__isnull=False, proved_at=None, ticket__status=Status.CHALLENGED)
    due = look.order_by("next_probe_at").values_list("next_probe_at", flat=True).first()
    return [
        _light(_("mail"), _late(mail, now), _("nothing overdue")),
        _light(_("checks"), _late(due, now), _("nothing overdue")),
        _worker_light(now),
        _log_light(now),
    ]


def _worker_light(now: datetime) -> Light:
    """The worker says itself that it runs; what waits for it is said by the other lights."""
    last = heartbeat.last()
    if last is None:
        return Light(_("worker"), False, _("has not run yet"))
    if not heartbeat.is_fresh(last, now):
        return Light(_("worker"), False, _("no sign of life since %s") % _clock(last))
    return Light(_("worker"), True, _("last round of work %d s ago") % max(0, (now - last).total_seconds()))


def _log_light(now: datetime) -> Light:
    """The log is sealed a few seconds after it was written; an event that lies unsealed for long is worth a look."""
    number, last_id = Seal.objects.order_by("-number").values_list("number", "last_id").first() or (0, 0)
    oldest = Event.objects.filter(id__gt=last_id).order_by("id").values_list("time", flat=True).first()
    said = _("events sealed up to seal %(number)d") % {"number": number} if number else _("no seal yet")
    return Light(_("log"), _late(oldest, now) is None, said)


def _late(due: datetime | None, now: datetime) -> datetime | None:
    return due if due is not None and due < now - LATE else None


def _light(name: str, late: datetime | None, well: str) -> Light:
    return Light(name, late is None, well if late is None else _("waits since %s") % _clock(late))


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
