"""Where checkpoints leave to besides the file, what is due there, and whether any has left of late."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from audit.chain import sealed_since, sealing
from audit.models import Event, Outlet, Seal
from audit.tags import Tag

MAIL, SINK = "mail", "sink"
SILENT_AFTER = timedelta(hours=25)
MAIL_EVENTS = (Tag.ACCOUNT_EMAIL_SENT, Tag.ACCOUNT_EMAIL_BOUNCED, Tag.ACCOUNT_EMAIL_FAILED)


@dataclass(frozen=True)
class Departures:
    """When a checkpoint last left, by any outlet, and whether none did for 25 hours in which something was sealed."""

    last: datetime | None
    silent: bool


def named(name: str) -> Outlet:
    """The outlet's row, made when it is first asked for."""
    return Outlet.objects.get_or_create(name=name)[0]


def seal_of(number: int) -> Seal | None:
    """The seal of that number, None where there is none (0, or one a restore lost)."""
    return Seal.objects.filter(number=number).first()


def mark_handed(outlet: Outlet, head: Seal) -> bool:
    """Note that this seal is being handed over; False when another worker was first."""
    rows = Outlet.objects.filter(pk=outlet.pk, seal=outlet.seal)
    return bool(rows.update(seal=head.number, handed_at=Now()))


def note_left(outlet: Outlet, seal: int) -> None:
    """Note that this seal's checkpoint has left for certain."""
    Outlet.objects.filter(pk=outlet.pk).update(left=seal, left_at=Now(), failures=0, error="")


def news(before: Seal | None, head: Seal) -> QuerySet[Event]:
    """What was sealed since, apart from the ways of mails: the mail with a checkpoint makes events of its own."""
    return sealed_since.events(before, head).exclude(tag__in=MAIL_EVENTS)


def departures(now: datetime) -> Departures:
    """Read what the outlets' rows say."""
    left = [(row.left_at, row.left) for row in Outlet.objects.exclude(left_at=None)]
    last = max((at for at, _seal in left if at is not None), default=None)
    old = Seal.objects.filter(time__lt=now - SILENT_AFTER).order_by("-number").first()
    newest = max((seal for _at, seal in left), default=0)
    if old is None or old.number <= newest or (last is not None and last > now - SILENT_AFTER):
        return Departures(last, silent=False)
    return Departures(last, silent=news(seal_of(newest), old).exists())


def current() -> list[Outlet]:
    """The outlets of today's settings that have been tried: the mail, and the sink where one is set."""
    names = [MAIL, *([sink_name(settings.AUDIT_SINK)] if settings.AUDIT_SINK else [])]
    return list(Outlet.objects.filter(name__in=names).order_by("name"))


def sink_name(sink: str) -> str:
    """The row of a sink: a new setting begins anew, and may hold a secret that no row may hold."""
    return f"{SINK}:{hashlib.sha256(sink.encode()).hexdigest()[:16]}"


def unsent(outlet: Outlet) -> Seal | None:
    """The newest seal when this outlet has not had it yet."""
    head = sealing.last_seal()
    return head if head is not None and head.number != outlet.seal else None
