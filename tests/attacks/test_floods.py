"""Floods through the front door: real POSTs to the public form, through every layer of the site, from many networks.

Of every 25 requests of one network 20 are written down and 5 meet the limit. `make test-all` sends 2,000 of each
kind; the whole flood, with its figures, is

    FLOOD=10000 .venv/bin/python -m pytest tests/attacks/test_floods.py -q -s
"""

import os
import re
from collections import Counter
from collections.abc import Iterable

import pytest
from django.conf import settings
from django.core import mail
from django.db.models.functions import Now
from django.test import Client

from accounts import chores
from accounts.mail.models import Mail, Request
from accounts.models import Session, User
from audit.models import Event
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket
from tests.helpers.attacker import account, letters
from tests.tiers import times

MANY = int(os.environ.get("FLOOD") or times(2000, fast=110))  # requests of each kind
A_NETWORK = 25  # requests from each network
ALLOWED = 20  # of them, by the settings
ASKED = {"claim": "second_factor", "codes": "lost"}

pytestmark = pytest.mark.django_db


def networks() -> Iterable[str]:
    """One IPv4 address or IPv6 /64 after the other; inside a /64 every request has an address of its own."""
    for number in range(MANY):
        network = number // A_NETWORK
        four = f"198.{18 + network // 65536}.{network // 256 % 256}.{network % 256}"
        yield four if network % 2 else f"2001:db8:{network:x}:1::{number:x}"


def flood(names: Iterable[str]) -> Counter[tuple[int, str]]:
    """Post the form once per name, each from the next network; returns how often each answer was given."""
    client, answers = Client(raise_request_exception=False), Counter[tuple[int, str]]()
    for name, address in zip(names, networks(), strict=True):
        client.cookies.clear()
        response = client.post("/recover/", {"username": name, **ASKED}, REMOTE_ADDR=address)
        answers[response.status_code, response.get("Location") or words(response.content)] += 1
    return answers


def words(page: bytes) -> str:
    """A page without what differs by the moment: the form's token, and when to come again."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|Try again in [^.]*\.', "", page.decode())


def expected() -> dict[int, int]:
    whole, rest = divmod(MANY, A_NETWORK)
    stored = whole * ALLOWED + min(rest, ALLOWED)
    return {302: stored, 429: MANY - stored}


def work_it_off() -> None:
    """All of the waiting requests come due, and the desk does its rounds until none is left."""
    while Request.objects.filter(handled_at=None).exists():
        Request.objects.filter(handled_at=None).update(due_at=Now())
        sweep.sweep()
    sweep.sweep()


def a_day_later() -> dict[str, int]:
    """What is left of the requests when the purge window has passed."""
    Request.objects.update(handled_at=Now() - settings.KEEP_REQUESTS * 1.01)
    while chores.purge():
        pass
    return {"requests": Request.objects.count(), "sessions": Session.objects.count()}


def by_status(answers: Counter[tuple[int, str]]) -> dict[int, int]:
    """Each status with its count; a status has one answer only, in the same words for everybody."""
    assert len(answers) == len({status for status, _said in answers}), "one status said different things"
    return {status: count for (status, _said), count in answers.items()}


def report(what: str, **figures: object) -> None:
    print(f"\n{MANY} requests for {what}:", ", ".join(f"{name} {value}" for name, value in figures.items()))  # noqa: T201


def test_a_flood_for_one_account_is_one_ticket_and_mails_within_the_limits(ada: User) -> None:
    before = account(ada)
    answers = by_status(flood(["ada"] * MANY))
    assert answers == expected()
    assert Request.objects.count() == answers[302]
    work_it_off()
    challenges = Mail.objects.filter(kind__startswith="recovery_challenge").count()
    notices = Mail.objects.filter(kind="recovery_notice").count()
    assert RecoveryTicket.objects.count() == 1
    assert challenges <= 4  # the first, and three a day sent again
    assert notices == 1  # the other address; the contact has its stop link with the branch name
    assert len(mail.outbox) == challenges + notices
    assert len(letters("ada@second.example")) == 1
    assert account(ada) == before
    left = a_day_later()
    report("one account", answers=answers, tickets=1, challenges=challenges, notices=notices, left=left)
    assert left == {"requests": 0, "sessions": 0}


def test_a_flood_for_nobody_sends_nothing_and_leaves_nothing(ada: User) -> None:
    events, before = Event.objects.count(), account(ada)
    answers = by_status(flood(f"nobody{number}" for number in range(MANY)))
    assert answers == expected()
    assert Request.objects.count() == answers[302]
    work_it_off()
    left = a_day_later()
    mails = len(mail.outbox) + Mail.objects.exclude(user=ada).count()
    report("nobody", answers=answers, mails=mails, left=left, events=Event.objects.count() - events)
    assert mails == 0
    assert not RecoveryTicket.objects.exists()
    assert left == {"requests": 0, "sessions": 0}
    assert Event.objects.count() == events
    assert account(ada) == before


def test_a_limit_says_the_same_to_everybody_and_writes_nothing(ada: User) -> None:
    client, said = Client(), set[tuple[int, str]]()
    for _one in range(ALLOWED):
        client.post("/recover/", {"username": "ada", **ASKED})
    for name in ("ada", "ADA", "nobody", "ada@example.org"):
        answer = client.post("/recover/", {"username": name, **ASKED})
        said.add((answer.status_code, words(answer.content)))
    assert [status for status, _page in said] == [429]
    assert Request.objects.count() == ALLOWED
