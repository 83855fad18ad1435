"""Everything a superuser of the database may try on a sealed log. Each takes a cursor without triggers and a dice."""

import json
import random
from collections.abc import Callable
from typing import Any

from django.db import connection

from audit.chain import encoding, sealing, signing
from audit.models import Event, Seal
from tests.helpers.sealed import ids

Mutation = Callable[[Any, random.Random], None]
NEW = {
    "tag": "account:freeze", "actor_uid": "00000000-0000-4000-8000-000000000000", "actor_name": "mallory",
    "subject_uid": "00000000-0000-4000-8000-000000000000", "subject_name": "mallory", "ticket": 4711,
    "project_uid": "00000000-0000-4000-8000-000000000000", "project_name": "other",
    "token_id": "00000000-0000-4000-8000-000000000000", "data": json.dumps({"number": -1}), "commitment": "0" * 64,
    "time": "2001-01-01 00:00:00",
}  # fmt: skip
COLUMNS = ", ".join(name for name in encoding.COLUMNS if name != "id")


def edit(column: str) -> Mutation:
    def edits(cursor: Any, dice: random.Random) -> None:
        if column == "id":
            cursor.execute("UPDATE audit_event SET id = %s WHERE id = %s", [max(ids()) + 7, dice.choice(ids())])
            return
        value = NEW[column]
        if connection.vendor == "sqlite" and (column.endswith("uid") or column == "token_id"):
            value = str(value).replace("-", "")
        cursor.execute(f"UPDATE audit_event SET {column} = %s WHERE id = %s", [value, dice.choice(ids())])

    edits.__name__ = f"edit_{column}"
    return edits


def empty(cursor: Any, dice: random.Random) -> None:
    column = dice.choice(["actor_uid", "subject_uid", "project_uid", "token_id"])
    cursor.execute(f"UPDATE audit_event SET {column} = NULL WHERE id = %s", [dice.choice(ids())])


def one_letter(cursor: Any, dice: random.Random) -> None:
    cursor.execute("UPDATE audit_event SET actor_name = actor_name || ' ' WHERE id = %s", [dice.choice(ids())])


def one_microsecond(cursor: Any, dice: random.Random) -> None:
    step = "time + interval '1 microsecond'" if connection.vendor == "postgresql" else "replace(time, '.', '.1')"
    cursor.execute(f"UPDATE audit_event SET time = {step} WHERE id = %s", [dice.choice(ids())])


def delete(cursor: Any, dice: random.Random) -> None:
    cursor.execute("DELETE FROM audit_event WHERE id = %s", [dice.choice(ids())])


def swap(cursor: Any, dice: random.Random) -> None:
    """Two rows exchange their ids."""
    one, two = dice.sample(ids(), 2)
    for old, new in ((one, -1), (two, one), (-1, two)):
        cursor.execute("UPDATE audit_event SET id = %s WHERE id = %s", [new, old])


def truncate_events(cursor: Any, dice: random.Random) -> None:
    known = ids()
    cursor.execute("DELETE FROM audit_event WHERE id > %s", [known[-dice.randint(2, 40)]])


def truncate_everything(cursor: Any, dice: random.Random) -> None:
    """The tail of events and seals together, and what the database knows of checkpoints: a file outside remembers."""
    head = Seal.objects.order_by("-number")[dice.randint(1, 3)]
    cursor.execute("DELETE FROM audit_event WHERE id > %s", [head.last_id])
    cursor.execute("DELETE FROM audit_eventdetail WHERE event_id > %s", [head.last_id])
    cursor.execute("DELETE FROM audit_seal WHERE number > %s", [head.number])
    cursor.execute("DELETE FROM audit_checkpoint WHERE seal > %s", [head.number])


def delete_seal(cursor: Any, dice: random.Random) -> None:
    number = dice.choice(list(Seal.objects.values_list("number", flat=True)))
    cursor.execute("DELETE FROM audit_seal WHERE number = %s", [number])


def insert_with_old_id(cursor: Any, dice: random.Random) -> None:
    """Below everything, or in the place of a row that goes."""
    old = dice.choice(ids())
    new = dice.choice([0, -1, -(10**9)])
    select = f"SELECT %s, {COLUMNS} FROM audit_event WHERE id = %s"
    cursor.execute(f"INSERT INTO audit_event (id, {COLUMNS}) {select}", [new, old])


def insert_with_old_time(cursor: Any, dice: random.Random) -> None:
    row = Event.objects.get(pk=dice.choice(ids()))
    columns = COLUMNS.replace("time, ", "")
    seconds = dice.randint(6, 10**6)
    minus = f"time - interval '{seconds} seconds'"
    if connection.vendor == "sqlite":
        minus = f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', time, '-{seconds} seconds')"
    cursor.execute(
        f"INSERT INTO audit_event (id, time, {columns}) SELECT %s, {minus}, {columns} FROM audit_event WHERE id = %s",
        [max(ids()) + dice.randint(1, 50), row.pk],
    )


def insert_with_old_time_and_wait_for_the_sealer(cursor: Any, dice: random.Random) -> None:
    insert_with_old_time(cursor, dice)
    sealing.seal()


def edit_seal(cursor: Any, dice: random.Random) -> None:
    number = dice.choice(list(Seal.objects.values_list("number", flat=True)))
    change = dice.choice([
        "count = count + 1", "previous = 'zz' || substr(previous, 3)", "last_id = last_id + 1",
        "imported = NOT imported", "key_id = '0000000000000000'", "signature = '00' || substr(signature, 3)",
        "newest = '2001-01-01 00:00:00'", "time = '2001-01-01 00:00:00'",
    ])  # fmt: skip
    if "previous" in change and number == 1:
        change = "previous = 'f'"
    cursor.execute(f"UPDATE audit_seal SET {change} WHERE number = %s", [number])


def edit_event_and_its_digest(cursor: Any, dice: random.Random) -> None:
    one = Seal.objects.get(number=dice.choice(list(Seal.objects.values_list("number", flat=True))))
    entries = list(encoding.unpack(bytes(one.entries)))
    place = dice.randrange(len(entries))
    cursor.execute("UPDATE audit_event SET tag = 'x' WHERE id = %s", [entries[place][0]])
    entries[place] = (entries[place][0], dice.randbytes(32))
    cursor.execute("UPDATE audit_seal SET entries = %s WHERE number = %s", [encoding.pack(entries), one.number])


def rewrite_the_chain_without_the_key(cursor: Any, dice: random.Random) -> None:
    """Edit an event and make every seal from its own on anew, signed with another key under our key's name."""
    cursor.execute("UPDATE audit_event SET actor_name = 'mallory' WHERE id = %s", [dice.choice(ids())])
    numbers = list(Seal.objects.order_by("number").values_list("number", flat=True))
    start = dice.choice(numbers)
    previous = sealing.hash_of(Seal.objects.get(number=start - 1)) if start > 1 else ""
    for one in Seal.objects.filter(number__gte=start).order_by("number"):
        one.previous, one.count = previous, one.count + (one.number == start)
        previous = sealing.hash_of(one)
        signature = signing._private(b"another key" * 4).sign(signing._message(previous)).hex()
        cursor.execute(
            "UPDATE audit_seal SET previous = %s, count = %s, signature = %s WHERE number = %s",
            [one.previous, one.count, signature, one.number],
        )


def edit_detail(cursor: Any, dice: random.Random) -> None:
    cursor.execute("SELECT event_id FROM audit_eventdetail")
    id_ = dice.choice([row[0] for row in cursor.fetchall()])
    column = dice.choice(["network", "device", "address", "salt"])
    cursor.execute(f"UPDATE audit_eventdetail SET {column} = 'other' WHERE event_id = %s", [id_])


def move_detail(cursor: Any, dice: random.Random) -> None:
    cursor.execute("SELECT event_id FROM audit_eventdetail")
    with_detail = {row[0] for row in cursor.fetchall()}
    target = dice.choice([id_ for id_ in ids() if id_ not in with_detail])
    cursor.execute(
        "UPDATE audit_eventdetail SET event_id = %s WHERE event_id = %s", [target, dice.choice(sorted(with_detail))]
    )


EDITS = [edit(column) for column in encoding.COLUMNS]
OTHERS: list[Mutation] = [
    empty, one_letter, one_microsecond, delete, swap, truncate_events, truncate_everything, delete_seal,
    insert_with_old_id, insert_with_old_time, insert_with_old_time_and_wait_for_the_sealer, edit_seal,
    edit_event_and_its_digest, rewrite_the_chain_without_the_key, edit_detail, move_detail,
]  # fmt: skip
MUTATIONS = [*EDITS, *OTHERS]
