"""Tickets in every status, with histories as they would have come about.

They are written as rows with times in the past, since the verbs live in the present; the newest one, a challenged
ticket, is opened through the verbs and probed for real.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from rich.progress import track

from accounts.devices import TotpDevice
from accounts.mail import links
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import notices, workflow
from recoverydesk.recovery.models import Boundary, Claim, Entry, Probe, RecoveryTicket, Source, Status, Turn
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.recovery.workflow import opening

Step = tuple[float, Tag, str, dict[str, Any]]  # hours ago, what, who, with which data


@dataclass(frozen=True)
class History:
    """One finished or waiting story: what happened, as (hours ago, tag, actor, data)."""

    subject: str
    status: Status
    turn: Turn
    proved: bool
    steps: list[Step]
    fields: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def _opened(hours: float) -> list[Step]:
    return [
        (hours, Tag.ACCOUNT_RECOVERY_OPEN, "system", {"claim": "second_factor", "source": "form"}),
        (hours - 0.1, Tag.ACCOUNT_RECOVERY_CHALLENGE, "system", {"boundaries": 1}),
    ]


def _proved(hours: float) -> list[Step]:
    return [
        (hours, Tag.ACCOUNT_RECOVERY_CONFIRM_MAILBOX, "claimant", {"how": "link"}),
        (hours - 0.02, Tag.ACCOUNT_RECOVERY_PROOF, "system", {}),
        (hours - 0.03, Tag.ACCOUNT_RECOVERY_ADVANCE, "system", {}),
    ]


HISTORIES = (
    History(
        "cleo", Status.NEW, Turn.OURS, False,
        [(30, Tag.ACCOUNT_RECOVERY_OPEN, "system", {"claim": "second_factor", "source": "form"})],
        note="No second factor was ever on this account. Is it the right username?",
    ),
    History(
        "dai", Status.WAITING, Turn.CLOCK, True, _opened(6) + _proved(3), {"wait_until": -18.0, "turn_since": 3.0}
    ),
    History(
        "eva", Status.READY, Turn.OURS, True,
        [*_opened(50), *_proved(40), (26, Tag.ACCOUNT_RECOVERY_WAIT_OVER, "system", {})],
        {"wait_until": 26.0, "turn_since": 26.0},
    ),
    History(
        "finn", Status.COMPLETED, Turn.NOBODY, True,
        [
            *_opened(200), *_proved(190), (166, Tag.ACCOUNT_RECOVERY_WAIT_OVER, "system", {}),
            (160, Tag.ACCOUNT_RECOVERY_RESET, "rosa", {"reason": "1 of 1 boundaries proved", "totp": 1, "tokens": 0}),
            (159, Tag.ACCOUNT_PASSWORD_RESET, "finn", {}),
        ],
        {"wait_until": 166.0, "completed_at": 160.0, "password_chosen_at": 159.0, "closed_at": 160.0},
    ),
    History(
        "pia", Status.COMPLETED, Turn.NOBODY, True,
        [
            *_opened(80), *_proved(70), (46, Tag.ACCOUNT_RECOVERY_WAIT_OVER, "system", {}),
            (30, Tag.ACCOUNT_RECOVERY_RESET, "otto", {"reason": "1 of 1 boundaries proved", "totp": 1, "tokens": 0}),
        ],
        {"wait_until": 46.0, "completed_at": 30.0, "closed_at": 30.0},
    ),
    History(
        "gus", Status.REJECTED, Turn.NOBODY, False,
        [*_opened(300), (280, Tag.ACCOUNT_RECOVERY_REJECT, "mira", {"reason": "asked for another account by mistake"})],
        {"closed_at": 280.0, "closing_reason": "asked for another account by mistake"},
    ),
    History(
        "hana", Status.STOPPED, Turn.NOBODY, False,
        [*_opened(900), (899, Tag.ACCOUNT_RECOVERY_STOP, "address holder", {})], {"closed_at": 899.0},
    ),
    History(
        "ivo", Status.WITHDRAWN, Turn.NOBODY, False,
        [*_opened(700), (690, Tag.ACCOUNT_RECOVERY_WITHDRAW, "claimant", {})], {"closed_at": 690.0},
    ),
    History(
        "bo", Status.EXPIRED, Turn.NOBODY, False,
        [*_opened(1200), (860, Tag.ACCOUNT_RECOVERY_EXPIRE, "system", {})], {"closed_at": 860.0},
    ),
)  # fmt: skip


def _earlier() -> Iterator[History]:
    """What was closed before, two to twelve weeks ago: the weeks the desk draws."""
    for place, (weeks, subject, status) in enumerate(EARLIER):
        hours = weeks * 168.0 + place
        ended, tag, who = ENDS[status]
        steps = [*_opened(hours), *(_proved(hours - 4) if status == Status.COMPLETED else [])]
        data = {"reason": "1 of 1 boundaries proved", "totp": 1, "tokens": 0} if status == Status.COMPLETED else {}
        fields = {"closed_at": hours - ended}
        if status == Status.COMPLETED:
            fields |= dict.fromkeys(("completed_at", "password_chosen_at"), hours - ended) | {"wait_until": hours - 28}
        steps.append((hours - ended, tag, who, data))
        yield History(subject, status, Turn.NOBODY, status == Status.COMPLETED, steps, fields)


ENDS = {  # hours after the opening, the event, and who
    Status.COMPLETED: (40.0, Tag.ACCOUNT_RECOVERY_RESET, "otto"),
    Status.REJECTED: (30.0, Tag.ACCOUNT_RECOVERY_REJECT, "mira"),
    Status.STOPPED: (200.0, Tag.ACCOUNT_RECOVERY_STOP, "address holder"),
    Status.WITHDRAWN: (90.0, Tag.ACCOUNT_RECOVERY_WITHDRAW, "claimant"),
    Status.EXPIRED: (340.0, Tag.ACCOUNT_RECOVERY_EXPIRE, "system"),
}
EARLIER = (  # weeks ago, whose account, how it ended
    (13, "ivo", Status.EXPIRED), (12, "gus", Status.STOPPED), (11.5, "dai", Status.WITHDRAWN),
    (10.5, "eva", Status.EXPIRED), (10, "hana", Status.EXPIRED), (9, "dai", Status.STOPPED),
    (8.5, "gus", Status.EXPIRED),
    (7.5, "ivo", Status.STOPPED), (7, "eva", Status.REJECTED), (6.5, "dai", Status.EXPIRED),
    (4.5, "gus", Status.STOPPED),
    (4, "ivo", Status.EXPIRED), (3, "hana", Status.STOPPED), (2.5, "dai", Status.WITHDRAWN),
)  # fmt: skip
MOVES = {  # which verb was at work, and where it led; only a move says what the status was
    Tag.ACCOUNT_RECOVERY_CHALLENGE: ("challenge", Status.CHALLENGED),
    Tag.ACCOUNT_RECOVERY_ADVANCE: ("record_probe", Status.WAITING),
    Tag.ACCOUNT_RECOVERY_WAIT_OVER: ("wait_over", Status.READY),
    Tag.ACCOUNT_RECOVERY_RESET: ("reset", Status.COMPLETED),
    Tag.ACCOUNT_RECOVERY_REJECT: ("reject", Status.REJECTED),
    Tag.ACCOUNT_RECOVERY_STOP: ("stop", Status.STOPPED),
    Tag.ACCOUNT_RECOVERY_WITHDRAW: ("withdraw", Status.WITHDRAWN),
    Tag.ACCOUNT_RECOVERY_EXPIRE: ("expire", Status.EXPIRED),
}
TIMES = ("wait_until", "turn_since", "completed_at", "password_chosen_at", "closed_at")


def make_histories(users: Mapping[str, User]) -> None:
    """Write every history, and open one ticket that the desk itself will answer."""
    now = database_now()
    every = sorted((*HISTORIES, *_earlier()), key=lambda one: one.steps[0][0], reverse=True)
    for history in track(every, "Tickets   "):
        _write(history, users, now)
    workflow.open_ticket(subject=users["sam"], claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.FORM)


def _write(history: History, users: Mapping[str, User], now: datetime) -> None:
    """Freeze facts and boundaries as the verb does, then put the ticket where its story has got to."""
    ticket = opening.create(
        subject=users[history.subject],
        claim=Claim.SECOND_FACTOR,
        source=Source.FORM,
        contact=users[history.subject].email,
        requested_at=now - timedelta(hours=history.steps[0][0]),
    )
    for boundary in ticket.boundaries.filter(kind=Boundary.Kind.ASKED) if history.proved else ():
        _prove(boundary, now - timedelta(hours=history.steps[2][0]))
    RecoveryTicket.objects.filter(pk=ticket.pk).update(**_columns(history, users, now))
    ticket.refresh_from_db()
    Event.objects.bulk_create(_event(ticket, step, users, now) for step in _moved(history.steps))
    _mail(ticket)
    if ticket.completed_at:
        _take_factors(ticket)
    if history.note:
        Entry.objects.create(ticket=ticket, author=users["mira"], text=history.note)


def _moved(steps: list[Step]) -> Iterator[Step]:
    """The steps as their verbs would have written them down."""
    was = Status.NEW
    for hours, tag, name, data in steps:
        if tag in MOVES:
            verb, status = MOVES[tag]
            data, was = data | {"verb": verb, "status": status.value, "was": was.value}, status
        yield hours, tag, name, data


def _mail(ticket: RecoveryTicket) -> None:
    """The mails of the ticket as rows that left when they were due; none is sent now."""
    if ticket.challenged_at is None:
        return
    notices.challenge(ticket, list(ticket.boundaries.all()), wait=settings.RECOVERY_OBJECTION_WINDOW)
    _sent(ticket, ticket.challenged_at)
    if not ticket.is_open:
        links.kill(reference=ticket.reference, purposes=["status"])
    if ticket.completed_at:
        notices.tell_addresses(ticket, "recovery_reset", admin_time=ticket.completed_at.isoformat(), tokens=0)
        _sent(ticket, ticket.completed_at)


def _sent(ticket: RecoveryTicket, at: datetime) -> None:
    queued = Mail.objects.filter(reference=ticket.reference, state=Mail.State.QUEUED)
    queued.update(state=Mail.State.SENT, attempts=1, queued_at=at, sent_at=at, settled_at=at)


def _take_factors(ticket: RecoveryTicket) -> None:
    """After a reset there is only what was enrolled since, and no password until one is chosen."""
    devices = TotpDevice.objects.filter(user=ticket.subject)
    if ticket.password_chosen_at:
        devices.update(created_at=ticket.password_chosen_at)
        return
    devices.delete()
    ticket.subject.set_unusable_password()
    ticket.subject.save(update_fields=["password"])


def _columns(history: History, users: Mapping[str, User], now: datetime) -> dict[str, Any]:
    opened_at = now - timedelta(hours=history.steps[0][0])
    confirmed = now - timedelta(hours=history.steps[2][0]) if history.proved else None
    columns: dict[str, Any] = {
        "status": history.status,
        "turn": history.turn,
        "challenges_itself": False,
        "version": F("version") + len(history.steps),
        "opened_at": opened_at,
        "turn_since": opened_at,
        "challenged_at": None if history.status == Status.NEW else opened_at + timedelta(minutes=6),
        "mailbox_confirmed_at": confirmed,
        "reset_by": next((users[step[2]] for step in history.steps if step[1] == Tag.ACCOUNT_RECOVERY_RESET), None),
    }
    for name, value in history.fields.items():
        columns[name] = now - timedelta(hours=value) if name in TIMES else value
    return columns


def _prove(boundary: Boundary, at: datetime) -> None:
    repository = boundary.repositories[0]
    probe = Probe.objects.create(
        boundary=boundary,
        url=repository["url"],
        repository=repository["repository"],
        verdict=Verdict.FOUND,
        object_id=hashlib.sha1(repository["url"].encode(), usedforsecurity=False).hexdigest(),
        peer="127.0.0.1",
        protocol="v2",
        requests=2,
        bytes_sent=700,
        bytes_received=600,
        elapsed_ms=40,
        probed_at=at,
    )
    boundary.proof, boundary.proved_at = probe, at
    boundary.last_verdict, boundary.last_probed_at, boundary.attempts = Verdict.FOUND, at, 1
    boundary.save()


def _event(ticket: RecoveryTicket, step: Step, users: Mapping[str, User], now: datetime) -> Event:
    hours, tag, name, data = step
    actor = users.get(name)
    return Event(
        time=now - timedelta(hours=hours),
        tag=tag,
        actor_uid=actor.uid if actor else None,
        actor_name=name,
        subject_uid=ticket.subject.uid,
        subject_name=ticket.subject.username,
        ticket=ticket.pk,
        data=data,
    )
