"""A look that began before the push says nothing about after it."""

import pytest
from django.db.models.functions import Now

from common import leases
from common.clock import database_now
from recoverydesk.recovery import permissions, workflow
from recoverydesk.recovery.models import Status
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import factories
from tests.helpers.tickets import add_boundary, make_ticket, result_of, status_link

pytestmark = pytest.mark.django_db


def test_clicking_pushed_during_a_look_makes_the_next_look_due_at_once() -> None:
    ticket = make_ticket(factories.make_user("ada"), Status.CHALLENGED)
    add_boundary(ticket, next_probe_at=Now())
    (looking,) = leases.claim(ticket.boundaries.all(), limit=1)
    workflow.confirm_mailbox(ticket.pk, actor=permissions.claimant(status_link(ticket)))
    missing = [result_of(looking, Verdict.MISSING)]
    workflow.record_probe(ticket.pk, looking.pk, lease=looking.lease, results=missing)
    boundary = ticket.boundaries.get()
    assert boundary.next_probe_at is not None
    assert boundary.next_probe_at <= database_now()
    assert (boundary.last_verdict, boundary.leased_until) == ("", None)
