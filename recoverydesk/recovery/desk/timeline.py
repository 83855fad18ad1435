"""The story of a ticket: events, looks, mails and notes, newest first."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.db.models import OuterRef, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.mail.models import Mail
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery import event_words, wording
from recoverydesk.recovery.desk.told import details
from recoverydesk.recovery.models import Boundary, Entry, Message, Probe, RecoveryTicket
from recoverydesk.recovery.permissions import Who

TIMELINE = 200
WRITTEN = ("note", "message")


@dataclass(frozen=True)
class Line:
    """One line of the timeline. `key` is its address on the page; `folded` are lines of the same second below it."""

    key: str
    at: datetime
    kind: str
    who: str
    text: str
    detail: str = ""
    mail: Mail | None = None
    folded: tuple["Line", ...] = ()


SHOWS: dict[str, str | Promise] = {
    "": gettext_lazy("All"),
    "mail": gettext_lazy("Mail"),
    "probes": gettext_lazy("Checks"),
    "notes": gettext_lazy("Staff notes"),
    "events": gettext_lazy("Steps"),
}
DELETED = {
    "mails-deleted": gettext_lazy("deleted the mails of this closed ticket, as their days were over"),
    "checks-deleted": gettext_lazy("deleted the checks that proved nothing, as their days were over"),
}
NOT_SHOWN = (Tag.ACCOUNT_RECOVERY_NOTE, Tag.ACCOUNT_RECOVERY_MESSAGE)  # the note or message itself is there


@dataclass(frozen=True)
class Story:
    """Everything that happened on a ticket, newest first: the newest 200 events, mails, notes and looks.

    `newest_looks` has the newest look at each boundary, by its id, so that a person can look the same way.
    """

    newest_event: int
    events: list[Event]
    mails: list[Mail]
    notes: list[Entry]
    messages: list[Message]
    looks: list[Probe]
    newest_looks: dict[int, Probe]
    places: dict[int, str]
    deleted: list[Line]

    @property
    def is_cut(self) -> bool:
        return any(len(lines) == TIMELINE for lines in (self.events, self.mails, self.notes, self.looks, self.messages))


def story(ticket: RecoveryTicket, boundaries: list[Boundary]) -> Story:
    """Read it, in five queries, or six where the newest 200 looks leave a boundary out."""
    events = Event.objects.filter(ticket=ticket.pk).exclude(tag=Tag.ACCOUNT_EMAIL_SENT).order_by("-id")
    mails = Mail.objects.filter(reference=ticket.reference).order_by("-id")
    notes = ticket.entries.select_related("author").order_by("-id")
    looks = Probe.objects.filter(boundary__in=[row.pk for row in boundaries]).order_by("-id")
    written, seen = list(notes[:TIMELINE]), list(looks[:TIMELINE])
    heard = list(ticket.messages.order_by("-id")[:TIMELINE])
    told = list(events[: TIMELINE + len(written) + len(heard)])  # a note's event is not shown beside the note
    return Story(
        newest_event=told[0].pk if told else 0,
        events=[event for event in told if event.tag not in NOT_SHOWN][:TIMELINE],
        mails=list(mails[:TIMELINE]),
        notes=written,
        messages=heard,
        looks=seen,
        newest_looks=_newest_looks(boundaries, seen),
        places={row.pk: str(row) for row in boundaries},
        deleted=_deleted_lines(ticket),
    )


def _newest_looks(boundaries: list[Boundary], looks: list[Probe]) -> dict[int, Probe]:
    found = {look.boundary_id: look for look in reversed(looks)}
    missing = [row.pk for row in boundaries if row.last_probed_at is not None and row.pk not in found]
    if missing:
        last = Subquery(Probe.objects.filter(boundary=OuterRef("pk")).order_by("-id").values("pk")[:1])
        ids = Boundary.objects.filter(pk__in=missing).annotate(last=last).values("last")
        found |= {look.boundary_id: look for look in Probe.objects.filter(pk__in=ids)}
    return found


def timeline(told: Story, *, show: str = "") -> list[Line]:
    """The story as lines, oldest first, or one part of it.

    Everything together leaves out looks and tries of the sweep that brought nothing new; `show="probes"` and
    `show="events"` have them all.
    """
    parts = {
        "events": lambda: (
            [_event_line(one) for one in told.events if _is_shown(one, only_news=not show)] + told.deleted
        ),
        "mail": lambda: [*_mail_lines(told.mails), *_message_lines(told.messages)],
        "notes": lambda: _note_lines(told.notes),
        "probes": lambda: _probe_lines(told, only_news=not show),
    }
    wanted = [show] if show in parts else list(parts)
    lines = [line for name in wanted for line in parts[name]()]
    return fold(sorted(lines, key=lambda line: line.at))


def fold(lines: list[Line]) -> list[Line]:
    """What one step did in one second, under its first event; what people wrote is never folded away."""
    told: list[Line] = []
    for _second, together in groupby(lines, key=lambda line: line.at.replace(microsecond=0)):
        same = list(together)
        told += [line for line in same if line.kind in WRITTEN]
        told += _under_first([line for line in same if line.kind not in WRITTEN])
    return sorted(told, key=lambda line: line.at)


def _under_first(same: list[Line]) -> list[Line]:
    """The first event stands for all of them, else the first line."""
    if len(same) < 2:
        return same
    first = next((line for line in same if line.kind == "event"), same[0])
    return [replace(first, folded=tuple(line for line in same if line is not first))]


def _is_shown(event: Event, *, only_news: bool) -> bool:
    """What the sweep tried too early is no news, and stands among all the steps."""
    tried = event.tag == Tag.ACCOUNT_RECOVERY_REFUSED and event.actor_name == Who.SYSTEM.value
    return not (only_news and tried)


def _deleted_lines(ticket: RecoveryTicket) -> list[Line]:
    """Why mails or checks of long ago are not here: their days were over."""
    gone = {"mails-deleted": ticket.mails_deleted_at, "checks-deleted": ticket.looks_deleted_at}
    return [Line(key, at, "event", Who.SYSTEM, str(DELETED[key])) for key, at in gone.items() if at]


def _mail_lines(mails: list[Mail]) -> list[Line]:
    return [
        Line(f"mail-{mail.pk}", mail.queued_at, "mail", "", str(wording.MAILS.get(mail.kind, mail.kind)), mail=mail)
        for mail in mails
    ]


def _message_lines(messages: list[Message]) -> list[Line]:
    return [Line(f"message-{one.pk}", one.written_at, "message", "", one.text) for one in messages]


def _note_lines(notes: list[Entry]) -> list[Line]:
    return [Line(f"note-{note.pk}", note.written_at, "note", note.author.username, note.text) for note in notes]


def _probe_lines(told: Story, *, only_news: bool) -> list[Line]:
    before: dict[str, str] = {}
    lines = []
    for probe in reversed(told.looks):
        if not only_news or before.get(probe.url) != probe.verdict:
            detail = " · ".join(part for part in (probe.url, probe.detail) if part)
            text = f"{told.places[probe.boundary_id]}: {wording.VERDICTS[probe.verdict]}"
            lines.append(Line(f"look-{probe.pk}", probe.probed_at, "probe", "", text, detail))
        before[probe.url] = probe.verdict
    return lines


def _event_line(event: Event) -> Line:
    refused = event.tag == Tag.ACCOUNT_RECOVERY_REFUSED  # its sentence names no step
    said = {"verb": event.data.get("verb", "")} if refused else {}
    step = " · ".join(
        f"{event_words.detail_name(key)}: {event_words.detail(key, value)}" for key, value in said.items() if value
    )
    detail = " · ".join(part for part in (step, details(event)) if part)
    return Line(f"event-{event.pk}", event.time, "event", event.actor_name, event.sentence, detail)


@dataclass(frozen=True)
class Result:
    """What a reset did: what was removed, ended and held, in words, and the mails that tell of it."""

    counts: dict[str, str]
    mails: list[Mail]


def result(told: Story) -> Result | None:
    """What the reset of a completed ticket did; None when its event is not there."""
    event = next((event for event in told.events if event.tag in RESETS), None)
    if event is None:
        return None
    counts = {name: int(event.data.get(name, 0)) for name in ("totp", "webauthn", "codes", "sessions", "tokens")}
    return Result(wording.counted(**counts), [mail for mail in reversed(told.mails) if mail.kind in AFTER_RESET])


RESETS = (Tag.ACCOUNT_RECOVERY_RESET, Tag.ACCOUNT_RECOVERY_BREAK_GLASS)
AFTER_RESET = ("recovery_reset", "recovery_co_owner_reset", "recovery_choose_password")
