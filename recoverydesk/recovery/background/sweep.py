"""One round of all due work. May run in many workers at once; whatever is killed is found again next time.

Every part takes its rows by lease (common/leases.py), chores one worker at a time: nothing here lists rows that
another round may be at work on.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast, Now

from accounts import sweeping as accounts_sweeping
from accounts.mail.models import Request
from common import failpoints, leases, wake
from common.clock import database_now
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import chores, heartbeat, intake, probe_rounds
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import OPEN_STATUSES, Boundary, Claim, OtherProof, RecoveryTicket, Status, Turn
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.policy import NEW_CONTACT

logger = logging.getLogger(__name__)


def sweep() -> dict[str, int]:
    """Do everything that is due and return how much of each was done."""
    failpoints.reach("sweep", "begun")
    with wake.one_round():
        took: dict[str, float] = {}
        with _timed(took, "requests"):
            done = {"requests": _requests()}
        with _timed(took, "chores"):
            done |= chores.run_chores()
        for name, part in _parts().items():
            with _timed(took, name):
                done[name] = part()
        heartbeat.beat(took)
    return done


def _parts() -> dict[str, Callable[[], int]]:
    """What is done of tickets and mails, in this order; each looks for its rows when its turn comes."""
    return {
        "challenged": lambda: _each(_to_challenge(), _challenge),
        "mails": lambda: accounts_sweeping.sweep(),
        "bounces": lambda: _each(cases.bounced(), _bounce),
        "mended": lambda: _each(cases.mended(), workflow.mend_bounce),
        "clocks": lambda: _each(_without_clock(), workflow.start_clock),
        "probes": lambda: probe_rounds.probe_due(),
        "waits": lambda: _each(_waited(), workflow.wait_over),
        "notices": lambda: _each(_with_notice(), workflow.remind),
        "expired": lambda: _each(_silent(), workflow.expire),
    }


@contextmanager
def _timed(took: dict[str, float], name: str) -> Iterator[None]:
    """Note how many seconds it took; whatever it raises goes on as it is."""
    before = time.monotonic()
    yield
    took[name] = round(time.monotonic() - before, 3)


def _each(due: QuerySet[RecoveryTicket], verb: Callable[[int], object]) -> int:
    """Try a verb on each due ticket nobody else has, the one that waited longest first, each in its transaction."""
    return sum(_tried(ticket, verb) for ticket in leases.in_turn(due))


def _tried(ticket: RecoveryTicket, verb: Callable[[int], object]) -> bool:
    """Whether it was done; a ticket that fails does not hold up the others."""
    try:
        verb(ticket.pk)
        return True
    except errors.RecoveryError as refusal:
        logger.info("ticket %s: %s refused", ticket.pk, type(refusal).__name__)
    except Exception:  # whatever is wrong with one row, the other tickets wait for their turn
        logger.exception("ticket %s cannot be worked", ticket.pk)
    finally:
        leases.give_back(ticket)
    return False


def _requests() -> int:
    due = Request.objects.filter(kind=intake.KIND, handled_at=None, due_at__lte=database_now())
    handled, asked = 0, set[str]()
    for request in leases.in_turn(due, order_by=("due_at", "id")):
        asks_for = intake.what_it_asks(request)
        handled += _repeated(request) if asks_for in asked else _try(request)
        asked.add(asks_for)
    failpoints.reach("request", "done")
    return handled


def _repeated(request: Request) -> int:
    """The same was asked a moment ago, in the same round: a flood of one request costs one."""
    return int(leases.save_if_held(request, handled_at=Now()))


def _try(request: Request) -> int:
    """A request that cannot be read (its key is gone) is tried again when its lease ends, and stops nobody."""
    try:
        return _handle(request)
    except Exception:
        logger.exception("request %s cannot be handled", request.pk)
        return 0


@transaction.atomic
def _handle(request: Request) -> int:
    """The ticket and the mark on the request are one transaction, so that no request is handled twice or half."""
    if not leases.save_if_held(request, handled_at=Now()):
        return 0
    intake.handle(request)
    failpoints.reach("request", "handled")
    return 1


def _to_challenge() -> QuerySet[RecoveryTicket]:
    return RecoveryTicket.objects.filter(status=Status.NEW, challenges_itself=True)


def _challenge(ticket_id: int) -> None:
    try:
        workflow.challenge(ticket_id, actor=SYSTEM)
    except errors.InvalidTransition:  # somebody was faster
        raise
    except errors.RecoveryError:
        workflow.leave_to_staff(ticket_id)
        raise


def _without_clock() -> QuerySet[RecoveryTicket]:
    """Challenged tickets whose clock may start, or that may move on because of what a clock or a neighbour did.

    The others are not tried at all: whoever does not answer would take the places of those who did.
    """
    asked = Boundary.objects.filter(ticket=OuterRef("pk"), kind=Boundary.Kind.ASKED)
    confirmed = Q(mailbox_confirmed_at__isnull=False)
    soon = Q(claim=Claim.SECOND_FACTOR) & (Exists(asked.filter(added_by=None)) | Q(facts__projects=0))
    may_start = Q(wait_until=None) & (confirmed | soon) & ~Exists(cases.queued_mails())
    open_account = Q(subject__frozen_at=None, subject__is_active=True, contact_bounced_at=None)
    lacking = asked.filter(proved_at=None).exclude(exceptions__approved=True)
    bound = Exists(OtherProof.objects.filter(ticket=OuterRef("pk"), kind__in=OtherProof.BOUND))
    proved = ~Q(claim__in=NEW_CONTACT) | bound | Q(wait_until__lte=Now())
    may_move = Q(wait_until__isnull=False) & confirmed & ~Exists(lacking) & open_account & proved
    return RecoveryTicket.objects.filter(may_start | may_move, status=Status.CHALLENGED)


def _waited() -> QuerySet[RecoveryTicket]:
    return RecoveryTicket.objects.filter(status=Status.WAITING, wait_until__lte=database_now())


def _silent() -> QuerySet[RecoveryTicket]:
    """Tickets whose claimant's turns add up to the whole time; the verb adds up again under its lock."""
    theirs = RecoveryTicket.objects.filter(status=Status.CHALLENGED, turn=Turn.THEIRS)
    seconds = Cast("their_seconds", IntegerField())  # SQLite multiplies no other kind with a duration
    earlier = ExpressionWrapper(seconds * Value(timedelta(seconds=1)), output_field=DurationField())
    began = ExpressionWrapper(F("turn_since") - earlier, output_field=DateTimeField())  # had all of it been at once
    return theirs.annotate(began=began).filter(began__lte=database_now() - settings.RECOVERY_EXPIRES_AFTER)


def _with_notice() -> QuerySet[RecoveryTicket]:
    return RecoveryTicket.objects.filter(next_notice_at__lte=database_now(), status__in=OPEN_STATUSES)


def _bounce(ticket_id: int) -> None:
    if RecoveryTicket.objects.get(pk=ticket_id).status != Status.CHALLENGED:
        workflow.send_back(ticket_id, actor=SYSTEM, reason="the contact's mail came back")
    workflow.note_bounce(ticket_id)
