"""Nobody's mailbox is bombed: each address that takes a POST is posted again and again, from a new network each time.

The network limits are off, so that what is tested is the measure beneath them. The suite posts each address seven
times, two more than are mailed; the whole flood is

    FLOOD=1000 .venv/bin/python -m pytest tests/attacks/test_mail_floods.py -q
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from accounts.mail.limits import A_DAY
from accounts.mail.models import Mail
from tests.attacks.mail_posts import SCENARIOS, World, make_world, work_it_off
from tests.helpers.walk import TABLE

MANY = int(os.environ.get("FLOOD", "7"))  # posts to each address

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: Any, tmp_path: Path) -> World:
    return make_world(settings, tmp_path)


def posts() -> set[str]:
    """Every address below the desk that takes a POST of anybody, from the reviewed table of the whole URL list."""
    found = set()
    for line in TABLE.read_text().splitlines()[1:]:
        route, _get, post, _delete = line.split("\t")
        if not route.startswith("admin/") and not set(post.split()) <= {"not", "in"}:
            found.add(route)
    return found


def sent() -> Counter[tuple[Any, ...]]:
    """How many mails of one kind each mailbox got; notices by what they report, choose-password links by who asked."""
    rows = Mail.objects.values_list("kind", "context__tag", "recipient", "user", "counted_as")
    return Counter((kind, tag, mailbox(to), user, counted) for kind, tag, to, user, counted in rows)


def answers_to_forms() -> Counter[tuple[Any, ...]]:
    """How many of allauth's mails were about one account, to whichever addresses."""
    rows = Mail.objects.filter(context__prepared=True).exclude(user=None)
    return Counter(rows.values_list("kind", "user"))


def mailbox(address: str) -> str:
    local, _at, domain = address.partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def test_every_address_that_takes_a_post_is_walked() -> None:
    """A new one fails here until `mail_posts.SCENARIOS` says how it is posted and whether it sends mail."""
    assert posts() == set(SCENARIOS)


@pytest.mark.parametrize("route", SCENARIOS)
def test_posting_again_and_again_mails_nobody_more_than_five_times_a_day(route: str, world: World) -> None:
    scenario = SCENARIOS[route]
    answers = Counter(scenario.post(world, number).status_code for number in range(MANY))
    work_it_off()
    assert max(answers) < 500, answers
    assert max(sent().values(), default=0) <= A_DAY, sent().most_common(3)
    assert max(answers_to_forms().values(), default=0) <= A_DAY, answers_to_forms().most_common(3)
    assert (Mail.objects.count() > 0) == scenario.mails
