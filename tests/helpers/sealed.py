"""Sealed logs for the tests, and people who can do whatever a superuser of the database can."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from audit import triggers
from audit.chain import sealing
from audit.log import RequestOrigin, record
from audit.models import Event, EventDetail, Seal
from audit.tags import Tag


@dataclass
class Somebody:
    """All the log asks of an account."""

    username: str
    uid: UUID = field(default_factory=uuid4)


TAGS = (Tag.ACCOUNT_LOGIN_SUCCESS, Tag.ACCOUNT_EMAIL_ADD, Tag.ACCOUNT_RECOVERY_RESET, Tag.FILE_ADD)


def write(count: int, people: Sequence[Somebody]) -> None:
    """Events as the program writes them, many in one statement; every third with a detail."""
    events, details = [], []
    for number in range(count):
        detail = EventDetail(
            salt=uuid4().hex * 2, network="203.0.113.7", device=f"browser {number}", address="a@b.example"
        )
        person = people[number % len(people)]
        events.append(
            Event(
                tag=TAGS[number % len(TAGS)], actor_uid=person.uid, actor_name=person.username,
                subject_uid=person.uid, subject_name=person.username, ticket=number % 50 or None,
                project_uid=person.uid, project_name="sample", token_id=person.uid,
                data={"number": number, "words": ["ä", "b"]}, commitment=detail.commitment() if number % 3 == 0 else "",
            )
        )  # fmt: skip
        details.append(detail)
    made = Event.objects.bulk_create(events)
    for event, detail in zip(made, details, strict=True):
        detail.event_id = event.pk
    EventDetail.objects.bulk_create(d for event, d in zip(made, details, strict=True) if event.commitment)


def write_and_seal(count: int, people: Sequence[Somebody], batch: int = 100) -> None:
    """A sealed log whose first seal, which vouches for nothing before it, holds one event."""
    record(Tag.ACCOUNT_CREATE, actor=people[0], subject=people[0], origin=RequestOrigin(network="203.0.113.7"))
    sealing.seal()
    write(count - 1, people)
    sealing.seal(batch=batch)


@contextmanager
def superuser() -> Iterator[Any]:
    """A cursor without triggers; they are put back afterwards, as somebody careful would."""
    with triggers.lifted(connection), connection.cursor() as cursor:
        yield cursor


def run(sql: str, *params: Any) -> int:
    """One statement of a superuser's; returns how many rows it touched."""
    with superuser() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def back_to(number: int) -> None:
    """What restoring a backup of that seal leaves in the database; VAR_DIR stays as it is."""
    head = Seal.objects.get(number=number)
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_event WHERE id > %s", [head.last_id])
        cursor.execute("DELETE FROM audit_eventdetail WHERE event_id > %s", [head.last_id])
        cursor.execute("DELETE FROM audit_seal WHERE number > %s", [number])
        cursor.execute("DELETE FROM audit_checkpoint WHERE seal > %s", [number])


def insert(**columns: Any) -> None:
    """An event past the program, with these columns and nothing in the others."""
    row = {
        "tag": "x",
        "actor_name": "",
        "subject_name": "",
        "project_name": "",
        "data": "{}",
        "commitment": "",
        **columns,
    }
    run(f"INSERT INTO audit_event ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())


def ids() -> list[int]:
    return list(Event.objects.order_by("id").values_list("id", flat=True))


def some_id(rng: random.Random) -> int:
    return rng.choice(ids())
