"""The machinery: leases that end, triggers and constraints that are in place."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.mail.models import Mail, Request
from audit import triggers
from audit.chain import strangers
from common.leases import LEASE, Leased
from recoverydesk.invariants.broken import Broken
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status

LONG = timedelta(minutes=10)


def _due() -> list[QuerySet[Any]]:
    """What a sweep would work: a lease that ran out long ago there means that nobody gets past that row."""
    return [
        Mail.objects.filter(state=Mail.State.QUEUED, next_try__lte=Now()),
        Request.objects.filter(handled_at=None, due_at__lte=Now()),
        Boundary.objects.filter(ticket__status=Status.CHALLENGED, proved_at=None, next_probe_at__lte=Now()),
        RecoveryTicket.objects.filter(status=Status.NEW, challenges_itself=True),
        RecoveryTicket.objects.filter(status=Status.WAITING, wait_until__lte=Now()),
    ]


def lease_stuck() -> Iterator[Broken]:
    """A lease lasts two minutes and has an end to come only with a holder; no due work lies under a dead one."""
    half = Q(lease=None, leased_until__gt=Now()) | Q(lease__isnull=False, leased_until=None)
    for model in Leased.__subclasses__():
        for row in model._base_manager.filter(half | Q(leased_until__gt=Now() + LEASE + timedelta(seconds=5))):
            yield Broken("lease_stuck", f"{model._meta.model_name}:{row.pk}", f"leased until {row.leased_until}")
    for rows in _due():
        for row in rows.filter(lease__isnull=False, leased_until__lt=Now() - LONG):
            yield Broken("lease_stuck", f"{row._meta.model_name}:{row.pk}", f"left alone since {row.leased_until}")


def guard_missing() -> Iterator[Broken]:
    """The log's triggers and the tables' constraints are in place, and no others on the log's tables."""
    for name in triggers.missing(connection):
        yield Broken("guard_missing", f"trigger:{name}", "is absent, altered or switched off")
    for name in strangers.found(connection):
        yield Broken("guard_missing", name, "is not the log's own")
    with connection.cursor() as cursor:
        for model in (RecoveryTicket, Boundary):
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
            for name in sorted({one.name for one in model._meta.constraints} - there.keys()):
                yield Broken("guard_missing", f"constraint:{name}", f"is absent from {model._meta.db_table}")
