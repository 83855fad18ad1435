"""The sealer: takes everything once, chains and signs it, holds up nobody."""

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from audit.chain import checkpoints, encoding, gaps, sealing, signing
from audit.chain.findings import Kind
from audit.chain.verifying import verify
from audit.log import RequestOrigin, record
from audit.models import Checkpoint, Event, Seal
from audit.tags import Tag
from tests.helpers.sealed import Somebody, insert, write, write_and_seal

pytestmark = pytest.mark.django_db


def sealed_ids() -> list[int]:
    return [id_ for one in Seal.objects.order_by("number") for id_, _sha in encoding.unpack(bytes(one.entries))]


def test_every_committed_event_is_sealed_once(who: Somebody) -> None:
    write(250, [who])
    assert sealing.seal(batch=100) == 250
    assert sealing.seal() == 0
    assert sealed_ids() == list(Event.objects.order_by("id").values_list("id", flat=True))
    assert [one.count for one in Seal.objects.order_by("number")] == [100, 100, 50]


def test_seals_are_numbered_chained_and_signed(who: Somebody) -> None:
    write_and_seal(30, [who], batch=10)
    one, two, *_rest = Seal.objects.order_by("number")
    assert (one.number, one.previous, two.number) == (1, "", 2)
    assert two.previous == sealing.hash_of(one)
    key = signing.trusted()[two.key_id]
    assert signing.is_signed(key, sealing.hash_of(two), two.signature)
    assert not signing.is_signed(key, sealing.hash_of(one), two.signature)


def test_a_seal_holds_the_digest_of_every_column(who: Somebody) -> None:
    assert list(encoding.COLUMNS) == [field.column for field in Event._meta.concrete_fields]
    event = record(
        Tag.ACCOUNT_EMAIL_ADD, actor=who, subject=who, ticket=7, origin=RequestOrigin(network="203.0.113.7"), a=1.5
    )
    sealing.seal()
    event.refresh_from_db()
    values = [
        event.id, encoding.micros(event.time), "account:email:add", str(who.uid), "ada", str(who.uid), "ada",
        7, None, "", None, {"a": 1.5}, event.commitment,
    ]  # fmt: skip
    text = encoding._dump(values)
    assert next(encoding.unpack(bytes(Seal.objects.get().entries)))[1] == hashlib.sha256(text.encode()).digest()


def test_an_empty_log_has_no_seal() -> None:
    assert sealing.seal() == 0
    assert not Seal.objects.exists()


def test_what_was_there_before_the_first_seal_counts_as_imported(who: Somebody) -> None:
    write(3, [who])
    sealing.seal()
    write(3, [who])
    sealing.seal()
    assert [one.imported for one in Seal.objects.order_by("number")] == [True, False]


def test_imported_history_may_have_any_time(who: Somebody) -> None:
    write_and_seal(3, [who])
    old = Event.objects.latest("id").time - timedelta(days=900)
    Event.objects.create(tag=Tag.FILE_ADD, actor_name="ada", time=old)
    sealing.seal(imported=True)
    write(2, [who])
    sealing.seal()
    assert verify().intact


@pytest.mark.parametrize(
    "sql", ["UPDATE audit_seal SET count = 0", "DELETE FROM audit_seal", "DELETE FROM audit_checkpoint"]
)
def test_seals_and_checkpoints_are_append_only(who: Somebody, sql: str) -> None:
    write_and_seal(3, [who])
    Checkpoint.objects.create(seal=1, file="f", place="p")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["audit_seal", "audit_checkpoint"])
def test_seals_and_checkpoints_cannot_be_truncated(table: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a statement of SQLite's own")
def test_a_seal_cannot_be_replaced_on_sqlite(who: Somebody) -> None:
    write_and_seal(3, [who])
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("REPLACE INTO audit_seal SELECT * FROM audit_seal")


def test_of_two_sealers_one_gives_up_its_round(who: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    write_and_seal(3, [who])
    write(5, [who])
    build = sealing._build

    def another_first(*args: Any, **kwargs: Any) -> Seal:
        monkeypatch.setattr(sealing, "_build", build)
        assert sealing.seal() == 5
        return build(*args, **kwargs)

    monkeypatch.setattr(sealing, "_build", another_first)
    assert sealing.seal() == 0
    assert verify().intact
    assert verify().events == 8


def test_a_date_no_calendar_has_does_not_stop_the_sealer(who: Somebody) -> None:
    write_and_seal(3, [who])
    year = "294000-01-01" if connection.vendor == "postgresql" else "no time at all"
    insert(time=year)
    assert sealing.seal() == 1
    assert [one.kind for one in verify().findings] == [Kind.EVENT_MISDATED]
    write(2, [who])
    sealing.seal()
    assert verify().found == 1


# Late committers and rolled-back ids --------------------------------------------------------------------------------


def other_connection(work: Callable[[], None]) -> None:
    def run_and_close() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run_and_close)
    thread.start()
    thread.join(timeout=180)
    assert not thread.is_alive()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_larger_ids_is_sealed_later(who: Somebody) -> None:
    write_and_seal(3, [who])
    with transaction.atomic():
        late = record(Tag.ACCOUNT_LOGOUT, actor=who)
        other_connection(lambda: write(2, [who]))
        assert_sealed_elsewhere(2)
    assert late.pk < Seal.objects.latest("number").last_id
    assert sealing.seal() == 1
    assert sealed_ids()[-1] == late.pk
    assert verify().intact


def assert_sealed_elsewhere(count: int) -> None:
    done: list[int] = []
    other_connection(lambda: done.append(sealing.seal()))
    assert done == [count]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_gap_of_a_rolled_back_id_closes_and_stays_closed(who: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "SETTLE", 0)
    write_and_seal(3, [who])
    with transaction.atomic():
        gone = record(Tag.ACCOUNT_LOGOUT, actor=who).pk
        transaction.set_rollback(True)
    assert_the_gaps_close(who)
    insert(id=gone, time=Event.objects.get(pk=gone + 1).time)
    assert sealing.seal() == 0
    assert [(one.kind, one.row) for one in verify().findings] == [(Kind.EVENT_INSERTED, gone)]


def assert_the_gaps_close(who: Somebody) -> None:
    """Transactions of the server's other databases hold a gap open too, so this waits for those of other test runs."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        write(1, [who])
        sealing.seal()
        if not gaps.unpack(bytes(Seal.objects.latest("number").gaps)):
            return
        time.sleep(0.1)
    pytest.fail("the gap is still open after five minutes")


def test_a_gap_is_left_in_pieces_by_what_comes_in_it() -> None:
    gap = gaps.Gap(10, 20, 1, 2)
    assert [(one.first, one.last) for one in gaps.without(gap, [10, 13, 20])] == [(11, 12), (14, 19)]
    assert [(one.first, one.last) for one in gaps.passed_by([3, 4, 9], 1, earliest=0, noticed=0)] == [(2, 2), (5, 8)]


def test_a_gap_closes_when_what_ran_after_it_settled_has_ended() -> None:
    gap = gaps.Gap(10, 20, 0, 0)
    unsettled = list(gaps.still_open([gap], gaps.SETTLE - 1, gaps.Horizon(5, 9)))
    assert unsettled == [gap]
    (settled,) = gaps.still_open([gap], gaps.SETTLE, gaps.Horizon(5, 9))
    assert settled.closes == 9
    assert list(gaps.still_open([settled], gaps.SETTLE, gaps.Horizon(8, 12))) == [settled]
    assert list(gaps.still_open([settled], gaps.SETTLE, gaps.Horizon(9, 12))) == []
    assert list(gaps.still_open([gap], gaps.MOST_LATE + 1, gaps.Horizon(5, 9))) == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_writers_do_not_wait_for_a_sealer_at_work(who: Somebody) -> None:
    write_and_seal(3, [who])
    with transaction.atomic():
        write(5, [who])
        sealing.seal()  # holds its uncommitted seal
        other_connection(lambda: write(5, [who]))
    assert sealing.seal() == 5
    assert verify().intact


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_fifty_writers_who_roll_back_a_third_raise_no_false_alarm(who: Somebody) -> None:
    write_and_seal(3, [who])
    stop, alarms, rounds = threading.Event(), [], []
    first_seal = threading.Event()

    def write_some(number: int) -> None:
        for turn in range(12):
            if turn == 6:
                assert first_seal.wait(180)  # so that some is sealed while others still write
            with transaction.atomic():
                record(Tag.ACCOUNT_LOGOUT, actor=who, origin=RequestOrigin(network="203.0.113.7"), turn=turn)
                if turn % 3 == 0:
                    threading.Event().wait(0.02 * (number % 5))
                transaction.set_rollback((number + turn) % 3 == 0)

    def seal_and_verify() -> None:
        while not stop.is_set():
            sealed = sealing.seal(batch=40)
            rounds.append(sealed)
            if sealed:  # not rounds[-1]: the other sealer may have added its own by now
                first_seal.set()
            checkpoints.write()
            alarms.extend(verify().findings)

    threads = [threading.Thread(target=closing(write_some, number)) for number in range(50)]
    sealers = [threading.Thread(target=closing(seal_and_verify)) for _ in range(2)]
    for thread in threads + sealers:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    rounds.append(sealing.seal())
    report = verify()
    assert (alarms, report.findings) == ([], [])
    assert report.events == Event.objects.count() == 3 + 50 * 8
    assert len([count for count in rounds if count]) > 1


def closing(work: Callable[..., None], *args: Any) -> Callable[[], None]:
    def run_and_close() -> None:
        try:
            work(*args)
        finally:
            connections.close_all()

    return run_and_close
