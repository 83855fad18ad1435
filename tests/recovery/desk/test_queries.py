"""How many queries the desk may cost, at any size."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit import log
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Project, Release, RepositoryLink, Role
from recoverydesk.recovery import workflow
from recoverydesk.recovery.models import Boundary, Claim, Entry, Probe, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from tests.helpers import decided, factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.links import path
from tests.helpers.tickets import REASON, add_boundary, as_staff, make_admin, make_ticket, status_link

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def publish(owner: User, projects: int, *, releases: int = 3, owners: int = 40) -> None:
    """That many projects of the owner with a few releases each, as rows."""
    now = database_now()
    names = [f"{owner.username}-{number}" for number in range(projects)]
    rows = Project.objects.bulk_create(Project(name=name, normalized_name=name) for name in names)
    since = now - 900 * DAY
    Role.objects.bulk_create(
        Role(user=owner, project=row, kind="owner", created_at=since, accepted_at=since) for row in rows
    )
    urls = {row.pk: f"https://github.com/guild{number % owners}/r{number}" for number, row in enumerate(rows)}
    made = Release.objects.bulk_create(
        Release(
            project=row, version=f"{number}.0", uploaded_at=now - (900 - 250 * number) * DAY,
            urls=[["Source", urls[row.pk]]], names_boundary=True,
        )
        for row in rows for number in range(releases)
    )  # fmt: skip
    first, last = made[::releases], made[releases - 1 :: releases]
    RepositoryLink.objects.bulk_create(
        RepositoryLink(
            project=row, kind="label", label="Source", url=urls[row.pk], host="github.com",
            namespace=f"guild{number % owners}", repository=f"r{number}", first_seen=first[number].uploaded_at,
            first_release=first[number], last_seen=last[number].uploaded_at, last_release=last[number],
        )
        for number, row in enumerate(rows)
    )  # fmt: skip


def opening_costs(projects: int) -> int:
    """Queries of opening a ticket for a new subject with that many projects."""
    user = factories.make_user(f"owner-of-{projects}")
    factories.add_totp(user)
    publish(user, projects)
    with CaptureQueriesContext(connection) as queries:
        opened = workflow.open_ticket(subject=user, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL)
    assert opened.ticket.boundaries.count() == min(projects, 40)
    assert sum(len(row.repositories) for row in opened.ticket.boundaries.all()) == projects
    return len(queries)


def test_opening_costs_thirteen_queries_for_ten_projects_and_for_a_thousand() -> None:
    few, many = opening_costs(10), opening_costs(1000)
    assert few == many
    assert many <= 13


def test_opening_for_old_boundaries_that_may_retire_costs_no_more_than_thirteen_either() -> None:
    user = factories.make_user("ada")
    publish(user, 300, releases=1)
    with CaptureQueriesContext(connection) as queries:
        workflow.open_ticket(subject=user, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL)
    assert len(queries) <= 13


def page_costs(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


def fill_queue(start: int, end: int) -> None:
    for number in range(start, end):
        user = factories.make_user(f"user{number}")
        ticket = make_ticket(user, (Status.NEW, Status.READY)[number % 2], turn="ours")
        for namespace in ("one", "two"):
            add_boundary(ticket, namespace, proved=number % 2 == 0)


def test_the_queue_costs_fifteen_queries_for_five_tickets_and_for_fifty() -> None:
    client = browser(make_admin())
    fill_queue(0, 5)
    page_costs(client, QUEUE)
    few = page_costs(client, QUEUE)
    fill_queue(5, 50)
    many = page_costs(client, QUEUE)
    assert len(client.get(QUEUE).context["found"].rows) == 50
    assert few == many
    assert many <= 15


def big_ticket(username: str, *, boundaries: int, events: int) -> RecoveryTicket:
    """A ready ticket with its history: boundaries with probes, events, staff notes, earlier tickets."""
    user = factories.make_user(username)
    factories.add_totp(user)
    publish(user, boundaries)
    ticket = make_ticket(user, Status.READY)
    for number in range(boundaries):
        row = add_boundary(ticket, f"guild{number}", proved=True)
        Probe.objects.bulk_create(Probe(boundary=row, url="x", repository="x", verdict="missing") for _ in range(5))
    author = make_admin(f"author-{username}")
    Entry.objects.bulk_create(Entry(ticket=ticket, author=author, text="seen") for _ in range(events // 10))
    for _number in range(events):
        log.record(Tag.ACCOUNT_RECOVERY_NOTE, actor=author, subject=user, ticket=ticket.pk)
    for number in range(min(boundaries, 8)):
        make_ticket(user, Status.REJECTED, contact=f"{number}@example.org")
    return ticket


def test_the_ticket_page_costs_thirty_one_queries_whatever_its_history() -> None:
    client = browser(make_admin())
    small, big = big_ticket("small", boundaries=1, events=1), big_ticket("big", boundaries=10, events=60)
    page_costs(client, f"{QUEUE}{small.pk}/change/")
    few, many = (page_costs(client, f"{QUEUE}{ticket.pk}/change/") for ticket in (small, big))
    assert few == many
    assert many <= 31


def test_one_more_probe_row_costs_the_status_page_nothing(client: Client) -> None:
    pages = [path(status_link(big_ticket(f"user{size}", boundaries=size, events=size))) for size in (1, 10)]
    page_costs(client, pages[0])
    few, many = (page_costs(client, page) for page in pages)
    assert few == many
    assert many <= 11


def test_a_reset_costs_the_same_for_ten_projects_and_for_five_hundred() -> None:
    admin = as_staff(make_admin())
    costs = []
    for size in (10, 500):
        user = factories.make_user(f"owner-of-{size}")
        factories.add_totp(user)
        publish(user, size, owners=1)
        ticket = make_ticket(user, Status.READY)
        add_boundary(ticket, "guild0", host="github.com", proved=True)
        with CaptureQueriesContext(connection) as queries:
            decided.reset(ticket.pk, actor=admin, reason=REASON)
        costs.append(len(queries))
        assert Boundary.objects.filter(ticket=ticket).count() == 1
    assert costs[0] == costs[1]
