"""The worker over Redis: what is no message is thrown away, and the next message is done."""

import json
from pathlib import Path
from typing import Any

import redis
from kombu import Connection

from recoverydesk.broker.redis_transport import Channel, is_message
from tests.services import processes, servers

PLACE = {"exchange": "", "routing_key": "celery"}
GOOD = {"body": "", "headers": {}, "properties": {"delivery_tag": "t", "delivery_info": PLACE}}
BROKEN: list[dict[str, Any]] = [
    {"properties": None},
    {"properties": {}},
    {"properties": {"delivery_tag": ["t"], "delivery_info": PLACE}},
    {"properties": {"delivery_tag": "t", "delivery_info": {}}},
    {"properties": {"delivery_tag": "t", "delivery_info": PLACE, "body_encoding": "base64"}, "body": "AAAAA"},
    {"headers": ["x"]},
]
NO_MESSAGES = [
    b"",
    b"not json",
    b"\x00\xff",
    b"[" * 100_000,
    b"[]",
    b"null",
    b"42",
    b'"text"',
    b"{}",
    b'{"body": 1}',
    b'{"__type__": "datetime", "__value__": 5}',
    b'{"__type__": "decimal", "__value__": "five"}',
    *(json.dumps({**GOOD, **part}).encode() for part in BROKEN),
]


def test_a_worker_outlives_whatever_lies_in_its_list(tmp_path: Path, broker: servers.Redis) -> None:
    line = redis.Redis(port=broker.port)
    with processes.worker(tmp_path, broker.url) as worker:
        line.lpush("celery", *NO_MESSAGES)
        processes.send(broker.url, "tell", "that it lives")
        worker.wait_for("told that it lives")
        assert worker.said().count("what was no message was thrown away") == len(NO_MESSAGES)
        assert worker.said().count("Connected to") == 1
        assert line.llen("celery") == 0
    line.close()


def test_what_a_dead_worker_left_undone_may_be_no_message_either(broker: servers.Redis) -> None:
    """kombu looks for such leftovers every ten seconds: one it cannot read would end each worker in turn."""
    line = redis.Redis(port=broker.port)
    left: dict[Any, Any] = {
        "a": b"not json",
        "b": b'[1, "", "celery"]',
        "c": b"[]",
        "d": json.dumps([GOOD, "", "celery"]).encode(),
    }
    line.hset("unacked", mapping=left)
    line.zadd("unacked_index", dict.fromkeys(left, 1))
    with Connection(broker.url) as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        channel.qos.restore_visible(num=10)
        assert (line.hlen("unacked"), line.zcard("unacked_index")) == (0, 0)
        assert [is_message(channel, json.loads(one)) for one in line.lrange("celery", 0, -1)] == [True]
    line.close()
