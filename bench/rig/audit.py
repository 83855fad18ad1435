"""The measuring itself, in a process whose database is the benchmark's own. Started by `bench/audit.py`."""

import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.test import Client  # noqa: E402

from accounts.models import User  # noqa: E402
from audit import triggers  # noqa: E402
from audit.chain import sealing  # noqa: E402
from audit.chain.verifying import verify  # noqa: E402
from audit.log import RequestOrigin, record  # noqa: E402
from audit.models import Event, EventDetail, Seal  # noqa: E402
from audit.tags import Tag  # noqa: E402
from bench.rig import lab  # noqa: E402
from bench.rig import report as _report  # noqa: E402

WRITERS, APPENDS, ROUNDS = 8, 150, 6
SEALED = 200_000
EVENTS = int(os.environ.get("BENCH_EVENTS", "10000000"))
ACCOUNTS, READERS, READS = 20_001, 20, 200
FORK = multiprocessing.get_context("fork")
Rows = list[list[str]]
FILL = """
    INSERT INTO audit_event (time, tag, actor_uid, actor_name, subject_uid, subject_name, project_name, ticket,
                             data, commitment)
    SELECT clock_timestamp(),
           (ARRAY['account:login:success', 'account:logout', 'file:add', 'account:step_up'])[1 + n % 4],
           md5('account' || n % %(accounts)s)::uuid, 'user' || n % %(accounts)s,
           md5('account' || n % %(accounts)s)::uuid, 'user' || n % %(accounts)s, '',
           CASE WHEN n % 50 = 0 THEN n / 50 END, '{"method": "totp"}', ''
    FROM generate_series(1, %(count)s) n
"""


class Somebody:
    """An account as the log needs it."""

    def __init__(self) -> None:
        self.uid: UUID = uuid4()
        self.username = "ada"


def main() -> None:
    """Run all parts, print them and write docs/benchmarks.md."""
    call_command("migrate", verbosity=0)
    bars: Rows = []
    parts = [f"PostgreSQL {_server()}, `synchronous_commit` {_setting('synchronous_commit')}. {lab.machine()}.\n"]
    body = [part(bars) for part in (_appending, _sealing_and_verifying, _reading)]
    parts.append("### Bars\n\n" + _report.table(["Bar", "measured", "wanted", ""], bars))
    text = "\n".join(parts + body)
    print(text, flush=True)
    _report.write("The audit log", text)


def _setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


def _server() -> str:
    return _setting("server_version").split()[0]


# Appending -----------------------------------------------------------------------------------------------------------


def _bare(person: Somebody) -> None:
    """The same row by one plain INSERT, in a transaction of its own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (tag, actor_uid, actor_name, subject_uid, subject_name, project_name, data,"
            " commitment) VALUES (%s, %s, %s, %s, %s, '', %s, '') RETURNING id, time",
            ["account:login:success", person.uid, "ada", person.uid, "ada", json.dumps({"method": "totp"})],
        )
        cursor.fetchone()


def _recorded(person: Somebody) -> None:
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=person, subject=person, method="totp")


def _with_detail(person: Somebody) -> None:
    origin = RequestOrigin(network="203.0.113.7", device="Firefox")
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=person, subject=person, origin=origin, method="totp")


def _appending(bars: Rows) -> str:
    """Eight processes at once; the kinds in turn, so that all meet the same noise."""
    kinds: dict[str, Callable[[Somebody], None]] = {
        "bare INSERT": _bare, "record()": _recorded, "record() with a detail": _with_detail,
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for _round in range(ROUNDS):
        for name, append in kinds.items():
            seconds[name].append(_at_once(append))
    rates = {name: WRITERS * APPENDS / statistics.median(times) for name, times in seconds.items()}
    rows = [[name, f"{rate:,.0f}", f"{rates['bare INSERT'] / rate:.2f}"] for name, rate in rates.items()]
    ratio = rates["bare INSERT"] / rates["record()"]
    bars.append(_report.bar(f"append, {WRITERS} writers, beside a bare INSERT of the row", ratio, 1.5, unit="×"))
    return "### Appending\n\n" + _report.table(["", "rows a second", "times as long"], rows)


def _at_once(append: Callable[[Somebody], None]) -> float:
    connections.close_all()
    barrier = FORK.Barrier(WRITERS + 1)
    workers = [FORK.Process(target=_write, args=(append, barrier)) for _ in range(WRITERS)]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.perf_counter()
    barrier.wait()
    took = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return took


def _write(append: Callable[[Somebody], None], barrier: Any) -> None:
    person = Somebody()
    append(person)  # the connection is made before the clock starts
    barrier.wait()
    for _ in range(APPENDS):
        append(person)
    barrier.wait()
    connections.close_all()


# Sealing and verifying -----------------------------------------------------------------------------------------------


def _fill(count: int) -> None:
    with connection.cursor() as cursor:
        sql = FILL.replace("%(accounts)s", str(ACCOUNTS)).replace("%(count)s", str(count))
        cursor.execute(sql)
        cursor.execute("ANALYZE audit_event")  # as autovacuum does


def _sealing_and_verifying(bars: Rows) -> str:
    sealing.seal()
    _fill(SEALED)
    cpu, began = time.process_time(), time.perf_counter()
    sealed = sealing.seal()
    sealing_took, sealing_cpu = time.perf_counter() - began, time.process_time() - cpu
    began = time.perf_counter()
    report = verify()
    verifying_took = time.perf_counter() - began
    if not report.intact or sealed != SEALED:
        raise AssertionError(report.findings[:1])
    bars.append(_report.bar("sealing, events a second", sealed / sealing_took, 20_000, at_least=True))
    bars.append(_report.bar("verifying, events a second", report.events / verifying_took, 20_000, at_least=True))
    return (
        "### Sealing and verifying\n\n"
        f"{sealed:,} events in {sealing_took:.1f} s ({sealing_cpu:.1f} s of CPU) into {Seal.objects.count()} seals of "
        f"{sealing.BATCH:,}; {report.events:,} verified in {verifying_took:.1f} s.\n"
    )


# Reading -------------------------------------------------------------------------------------------------------------


def _reading(bars: Rows) -> str:
    _many(EVENTS - Event.objects.count())
    readers = [User.objects.create(username=f"reader{n}", uid=_uid(n)) for n in range(READERS)]
    samples = [_timed(readers[n % READERS], "/account/history/") for n in range(READS)]
    times, cpu = sorted(wall for wall, _cpu in samples), statistics.median(cpu for _wall, cpu in samples) * 1000
    p95 = times[int(len(times) * 0.95)] * 1000
    bars.append(_report.bar(f"history page at {EVENTS:,} events, 95th percentile", p95, 100, unit=" ms"))
    return (
        f"### Reading\n\n{Event.objects.count():,} events of {ACCOUNTS:,} accounts, {READS} requests of {READERS} "
        f"readers in turn, the whole request in one process: median {statistics.median(times) * 1000:.1f} ms, "
        f"95th percentile {p95:.1f} ms, worst {times[-1] * 1000:.1f} ms; "
        f"{cpu:.1f} ms of our own CPU.\n"
    )


def _uid(number: int) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT md5('account' || %s)::uuid", [number])
        return UUID(str(cursor.fetchone()[0]))


def _timed(reader: User, page: str) -> tuple[float, float]:
    """Wall and CPU seconds of one request of a signed-in reader."""
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    client.get(page)
    began, cpu = time.perf_counter(), time.process_time()
    response = client.get(page)
    took = time.perf_counter() - began, time.process_time() - cpu
    if response.status_code != 200 or b"Somebody signed in" not in response.content:
        raise AssertionError(response.status_code)
    return took


def _many(count: int) -> None:
    """Fill the log without its indexes and make them afterwards: ten times as fast."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit_event'")
        indexes = [(name, made) for name, made in cursor.fetchall() if not name.endswith("_pkey")]
        for name, _made in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        _fill(count)
        for _name, made in indexes:
            cursor.execute(made)
        cursor.execute("ANALYZE audit_event")
    EventDetail.objects.bulk_create(
        EventDetail(event_id=id_, salt="s", network="203.0.113.7", device="Firefox")
        for id_ in Event.objects.order_by("-id").values_list("id", flat=True)[:50_000]
    )
    assert triggers.missing(connection) == []


if __name__ == "__main__":
    main()
