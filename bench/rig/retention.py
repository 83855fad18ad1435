"""Closed tickets, told through the verbs, and what they weigh before and after purge: `… retention TICKETS`. JSON."""

import io
import json
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import F  # noqa: E402
from django.db.models.functions import Now  # noqa: E402

from accounts.mail import outbox  # noqa: E402
from accounts.mail.models import Link, Mail  # noqa: E402
from accounts.models import User  # noqa: E402
from audit.chain import sealing  # noqa: E402
from common import leases  # noqa: E402
from recoverydesk.housekeeping import retention  # noqa: E402
from recoverydesk.recovery import permissions, workflow  # noqa: E402
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Source  # noqa: E402
from recoverydesk.recovery.permissions import SYSTEM  # noqa: E402
from recoverydesk.recovery.probing.verdicts import Verdict  # noqa: E402
from tests.helpers import decided, factories  # noqa: E402
from tests.helpers.tickets import add_address, as_staff, make_admin, result_of  # noqa: E402

MISSES = 10  # looks at each of two boundaries before its branch is there
LONG_AGO = timedelta(days=400)
TABLES = (
    "recovery_recoveryticket", "recovery_boundary", "recovery_probe", "accounts_mail", "accounts_link",
    "audit_event", "audit_eventdetail", "audit_seal",
)  # fmt: skip


def tell(user: User, admin: permissions.Actor) -> None:
    """From the request to the reset."""
    ticket = workflow.open_ticket(subject=user, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.FORM).ticket
    workflow.challenge(ticket.pk, actor=SYSTEM)
    outbox.send_due()
    link = Link.objects.get(reference=ticket.reference, purpose="status")
    workflow.confirm_mailbox(ticket.pk, actor=permissions.claimant(link))
    for verdict in [Verdict.MISSING] * MISSES + [Verdict.FOUND]:
        for boundary in leases.claim(ticket.boundaries.all(), limit=2):
            seen = [result_of(boundary, verdict)]
            workflow.record_probe(ticket.pk, boundary.pk, lease=boundary.lease, results=seen)
        Boundary.objects.filter(ticket=ticket).update(lease=None, leased_until=None)
    workflow.start_clock(ticket.pk)
    Mail.objects.filter(reference=ticket.reference).update(settled_at=Now() - timedelta(days=2))
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=Now() - timedelta(hours=1))
    workflow.wait_over(ticket.pk)
    decided.reset(ticket.pk, actor=admin, reason="both branches were there, and nobody said no")
    outbox.send_due()


def make(tickets: int) -> None:
    """Owners with two addresses, an app, codes and two repositories, each with a ticket closed long ago."""
    admin = as_staff(make_admin())
    for number in range(tickets):
        user = factories.make_user(f"owner{number}")
        add_address(user, f"second{number}@example.org")
        factories.add_totp(user)
        factories.add_codes(user)
        urls = [("Source", f"https://github.com/{owner}{number}/tool") for owner in ("own", "group")]
        factories.make_project(f"tool{number}", user, urls=urls[:1])
        factories.make_project(f"library{number}", user, urls=urls[1:])
        tell(user, admin)
    while sealing.seal():
        pass
    RecoveryTicket.objects.update(closed_at=F("closed_at") - LONG_AGO, completed_at=F("completed_at") - LONG_AGO)


def weigh() -> dict[str, tuple[int, int]]:
    """Rows and bytes, indexes and all, of each table without its dead rows."""
    found = {}
    with connection.cursor() as cursor:
        for name in TABLES:
            cursor.execute(f"VACUUM FULL ANALYZE {name}")
            cursor.execute(f"SELECT count(*), pg_total_relation_size('{name}') FROM {name}")  # noqa: S608
            found[name] = cursor.fetchone()
    return found


def purge() -> dict[str, Any]:
    """What the command takes, the longest of its transactions, and a round of the sweep with nothing to do."""
    longest: list[float] = []

    def timed(name: str) -> Any:
        own = getattr(retention, name)

        def run() -> int:
            began = time.perf_counter()
            try:
                return int(own())
            finally:
                longest.append(time.perf_counter() - began)

        return run

    parts = [retention.Part(part.due, timed(part.delete.__name__)) if hasattr(retention, part.delete.__name__) else part
             for part in retention.PARTS]  # fmt: skip
    retention.PARTS = tuple(parts)
    began = time.perf_counter()
    call_command("purge", stdout=io.StringIO())
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    retention.run()
    return {"seconds": seconds, "longest": max(longest), "idle": time.perf_counter() - began}


def main() -> None:
    tickets = int(sys.argv[1])
    make(tickets)
    before = weigh()
    told = purge()
    print(json.dumps({"tickets": tickets, "before": before, "after": weigh(), **told}))


if __name__ == "__main__":
    main()
