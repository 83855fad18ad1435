"""Boundaries under load and under a liar; one answer for everybody."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.mail.models import Request
from accounts.models import User
from recoverydesk.recovery.background import intake, probe_rounds
from recoverydesk.recovery.models import Boundary, Probe
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import factories
from tests.helpers.attacker import ask, letters, ticket
from tests.helpers.hosts import Host
from tests.helpers.links import branch_in
from tests.helpers.tickets import make_ticket


@pytest.mark.django_db(transaction=True)
def test_five_boundaries_one_branch_and_ten_parallel_rounds_are_one_proof(host: Host, tmp_path: Path) -> None:
    ada = factories.make_user("ada")
    factories.add_totp(ada)
    urls = [host.create(f"owner{number}/tool") for number in range(5)]
    for number, url in enumerate(urls):
        factories.make_project(f"project-{number}", ada, urls=[("Source", url)])
    mail.outbox.clear()
    ask()
    host.push(urls[0], branch_in("\n".join(letters("ada@example.org"))), tmp_path)
    for _again in range(3):
        Boundary.objects.update(next_probe_at=Now(), lease=None, leased_until=None)
        at_once(probe_rounds.probe_due, 10 if connection.vendor == "postgresql" else 2)
    proved = Boundary.objects.filter(proved_at__isnull=False)
    assert [row.namespace for row in proved] == ["owner0"]
    assert Probe.objects.filter(verdict=Verdict.FOUND).count() == 1
    assert ticket().status == "challenged"


def at_once(work: Callable[[], object], many: int) -> None:
    barrier = threading.Barrier(many)

    def run() -> None:
        barrier.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db
def test_two_repositories_of_one_owner_and_one_of_another_are_two_boundaries(ada: User) -> None:
    factories.make_project("more", ada, urls=[("Source", "https://github.com/ada/more")])
    factories.make_project("other", ada, urls=[("Source", "https://github.com/psf/other")])
    ask()
    rows = ticket().boundaries.order_by("namespace")
    assert [(row.namespace, len(row.repositories)) for row in rows] == [("ada", 2), ("psf", 1)]


@pytest.mark.django_db
def test_every_request_beyond_the_cap_is_delayed_and_none_is_dropped() -> None:
    for number in range(130):
        intake.note_request(username=f"name{number}", claim="second_factor", says_codes_lost=True, network="192.0.2.1")
    assert Request.objects.count() == 130
    assert Request.objects.filter(due_at__gt=Now()).count() >= 60


STATES = ("missing", "active", "frozen", "no-factor", "staff", "open-ticket", "unverified")


@pytest.mark.django_db
@pytest.mark.parametrize("claim", ["second_factor", "email", "email_and_second_factor", "other"])
def test_every_claim_gets_one_answer_whoever_it_names(claim: str) -> None:
    for state in STATES[1:]:
        user = factories.make_user(state, verified=state != "unverified", staff=state == "staff")
        if state not in ("no-factor", "unverified"):
            factories.add_totp(user)
    User.objects.filter(username="frozen").update(frozen_at=Now(), frozen_by="staff")
    make_ticket(User.objects.get(username="open-ticket"))
    answers = {}
    for state in STATES:
        cache.clear()
        client = Client()
        asked = {"username": state, "claim": claim, "codes": "lost", "contact": f"{state}@example.org"}
        with CaptureQueriesContext(connection) as queries:
            first = client.post("/recover/", asked)
            second = client.get(first["Location"])
        body = re.sub(rb'name="csrfmiddlewaretoken" value="[^"]*"', b"", second.content)
        answers[state] = (first.status_code, first["Location"], second.status_code, body, len(queries))
    assert len(set(answers.values())) == 1, answers
