"""Forged, doubled, reordered and garbage broker messages: they change nothing and end no worker."""

import json
import pickle
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any

from celery import current_app
from kombu import Exchange, Producer

from accounts.mail.models import Link, Mail
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status
from tests.services import judge, people
from tests.services.postbox import Postbox
from tests.services.stack import Stack

SWEEP = "recoverydesk.recovery.tasks.sweep"


class Bomb:
    """What a pickle may do to whoever opens it."""

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return __import__("os")._exit, (9,)


def run(stack: Stack, box: Postbox, copies: int = 20) -> dict[str, Any]:
    """Send all of it between two stories; the second one goes as the first."""
    admin = people.make_admin(stack)
    people.whole_story(stack, box, people.make_claimant(stack), admin)
    half_way = people.make_claimant(stack)
    people.ask(stack, half_way)
    people.until(half_way, Status.CHALLENGED)
    judge.settle()
    time.sleep(3)
    before, living = _rows(), {name: one.pid for name, one in stack.processes.items()}
    sent = _send(copies, half_way.username)
    time.sleep(10)
    faults = [] if _rows() == before else ["rows changed"]
    faults += [f"{name} ended" for name, one in stack.processes.items() if living.get(name) != one.pid]
    raw, restarts = _raw(stack), stack.restarts
    time.sleep(10)
    faults += ["rows changed by what is no message"] if _rows() != before else []
    people.prove(stack, box, half_way)
    people.finish(stack, box, half_way, admin)
    judge.settle()
    faults += [f"{stack.restarts - restarts} restarts by {raw} pieces of garbage"] if stack.restarts > restarts else []
    return {
        "messages": sent,
        "raw": raw,
        "restarts": stack.restarts,
        "faults": faults + judge.verdict(box, completed=2),
    }


def _rows() -> list[list[dict[str, Any]]]:
    kept = {"leased_until", "lease", "next_probe_at", "attempts", "last_probed_at"}
    models = (RecoveryTicket, Boundary, Mail, Link)
    fields = {model: [one.attname for one in model._meta.fields if one.attname not in kept] for model in models}
    return [list(model._base_manager.order_by("pk").values(*fields[model])) for model in models]


def _headers(task: str, **more: Any) -> dict[str, Any]:
    number = str(uuid.uuid4())
    return {"lang": "py", "task": task, "id": number, "root_id": number, "argsrepr": "()", "kwargsrepr": "{}", **more}


def _letters(username: str) -> Iterator[tuple[bytes, str, dict[str, Any]]]:
    """Body, content type, headers."""
    body = json.dumps([[], {}, {}]).encode()
    yield body, "application/json", _headers(SWEEP)  # genuine
    yield json.dumps([[1, 2], {"ticket_id": 1}, {}]).encode(), "application/json", _headers(SWEEP)
    yield body, "application/json", _headers("recoverydesk.recovery.workflow.reset")
    yield json.dumps([[1], {"actor": username}, {}]).encode(), "application/json", _headers("os.system")
    yield body, "application/json", _headers(SWEEP, expires="2001-01-01T00:00:00+00:00")
    yield body, "application/json", _headers(SWEEP, expires="yesterday")
    yield body, "application/json", _headers(SWEEP, eta="2001-01-01T00:00:00+00:00")
    yield body, "application/json", _headers(SWEEP, eta="soon")
    yield body, "application/json", {}
    yield body, "application/json", _headers(SWEEP, id=None)
    yield b"42", "application/json", _headers(SWEEP)
    yield b"null", "application/json", {}
    yield b"[" * 10_000, "application/json", _headers(SWEEP)
    yield b"{]", "application/json", _headers(SWEEP)
    yield b"\xff\xfe\x00", "application/json", _headers(SWEEP)
    yield pickle.dumps(Bomb()), "application/x-python-serialize", _headers(SWEEP)
    yield b"!!python/object/apply:os._exit [9]", "application/x-yaml", _headers(SWEEP)
    yield b"hello", "text/plain", {}
    yield b'"' + b"x" * 1_000_000 + b'"', "application/json", _headers("x")


def _send(copies: int, username: str) -> int:
    """Everything several times, in no order."""
    letters = list(_letters(username)) * copies
    random.shuffle(letters)
    exchange = Exchange("celery", type="direct")
    with current_app.connection_for_write() as broker, broker.channel() as channel:
        producer = Producer(channel, exchange=exchange, routing_key="celery")
        for body, kind, headers in letters:
            coding = "utf-8" if kind in ("application/json", "text/plain") else "binary"
            producer.publish(body, content_type=kind, content_encoding=coding, headers=headers)
    return len(letters)


def _raw(stack: Stack) -> int:
    """What is not even a message, laid where the transport keeps its own."""
    raw = [b"not json", b"{}", b"[]", b"null", b'{"body": 1}', b"\x00\xff"]
    if stack.broker.url.startswith("redis"):
        import redis

        redis.Redis.from_url(stack.broker.url).lpush("celery", *raw)
        return len(raw)
    if not stack.broker.url:
        for place, one in enumerate(raw):
            (stack.folder / "var" / "queue" / f"{place}.celery.msg").write_bytes(one)
        return len(raw)
    return 0
