"""Fifty people at once: admins who click the same button, requests that open the same ticket."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import requests
from django.db import connection

from accounts.mail.models import Mail
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.workflow.opening import open_ticket
from tests.services import judge, people
from tests.services.postbox import Postbox
from tests.services.stack import Stack

CONFLICT = 409
RESET_MAILS = ("recovery_reset", "recovery_choose_password")


def together(tasks: list[Callable[[], Any]]) -> list[Any]:
    """Do all of it from one instant on, each in a thread; returns what each gave."""
    gate, given = threading.Barrier(len(tasks)), [None] * len(tasks)

    def one(place: int) -> None:
        try:
            gate.wait()
            given[place] = tasks[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def run(stack: Stack, box: Postbox, people_at_once: int = 50, rounds: int = 20) -> dict[str, Any]:
    """So many admins reset one ready ticket, `rounds` times; so many openings of one account at once."""
    admins = [people.make_admin(stack) for _ in range(people_at_once)]
    seen: Counter[str] = Counter()
    times: list[float] = []
    for _ in range(rounds):
        user = people.make_claimant(stack)
        people.ask(stack, user)
        people.prove(stack, box, user)
        ticket = people.until(user, Status.READY)
        for word, seconds in together([partial(_click, admin, ticket) for admin in admins]):
            seen[word] += 1
            times.append(seconds)
    judge.settle()
    openings = _openings(stack, people_at_once)
    judge.settle()
    times.sort()
    figures = {
        "presses": len(times), "answers": dict(seen), "p50_seconds": round(times[len(times) // 2], 2),
        "p99_seconds": round(times[int(len(times) * 0.99)], 2),
        "resets": Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_RESET).count(),
        "refusals": Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_REFUSED, data__verb="reset").count(),
        "reset_mails": Mail.objects.filter(kind__in=RESET_MAILS).count(), **openings,
    }  # fmt: skip
    return {**figures, "faults": _faults(figures, people_at_once, rounds) + judge.verdict(box, completed=rounds)}


def _click(admin: people.Visitor, ticket: RecoveryTicket) -> tuple[str, float]:
    """Click, read the page one is led to, and say in a word what it says."""
    begun = time.monotonic()
    answer = people.click_reset(admin, ticket)
    seconds = time.monotonic() - begun
    if answer.status_code != 302:
        return ("refused" if answer.status_code == CONFLICT else str(answer.status_code)), seconds
    page = _page(admin, answer)
    return ("done" if "Done:" in page else "refused" if "messagelist" in page else "nothing said"), seconds


def _page(admin: people.Visitor, answer: requests.Response) -> str:
    """The page after the click; the message waits in a cookie."""
    admin.cookies |= answer.cookies.get_dict()
    page = admin.get(answer.headers["Location"])
    admin.cookies.pop("messages", None)
    return page.text if page.status_code == 200 else f"{page.status_code}"


def _openings(stack: Stack, many: int) -> dict[str, int]:
    """Open for one account from many connections at once."""
    user = people.make_claimant(stack)

    def open_one() -> bool:
        return open_ticket(subject=user, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.FORM).joined

    joined = together([open_one] * many)
    tickets = RecoveryTicket.objects.filter(subject=user)
    people.until(user, Status.CHALLENGED)
    judge.settle()
    mails = Mail.objects.filter(reference=tickets.get().reference) if tickets.count() == 1 else Mail.objects.none()
    return {
        "openings": many,
        "tickets": tickets.count(),
        "joined": sum(map(bool, joined)),
        "opening_mails": mails.count(),
    }


def _faults(figures: dict[str, Any], many: int, rounds: int) -> list[str]:
    wanted = {
        "answers": {"done": rounds, "refused": rounds * (many - 1)}, "resets": rounds, "tickets": 1,
        "refusals": rounds * (many - 1), "reset_mails": rounds, "joined": many - 1, "opening_mails": 1,
    }  # fmt: skip
    return [f"{name}: {figures[name]}, {value} expected" for name, value in wanted.items() if figures[name] != value]
