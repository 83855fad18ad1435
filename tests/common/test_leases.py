import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.mail.models import Request
from common import leases
from common.clock import database_now

pytestmark = pytest.mark.django_db


def make(count: int = 1) -> None:
    Request.objects.bulk_create(
        [Request(kind=Request.Kind.RECOVERY, payload=b"", network=f"{number:03}") for number in range(count)]
    )


def run_out() -> None:
    Request.objects.update(leased_until=Now() - timedelta(seconds=1))


def test_a_claimed_row_is_nobody_elses_for_two_minutes() -> None:
    make()
    (row,) = leases.claim(Request.objects.all(), limit=5)
    assert leases.claim(Request.objects.all(), limit=5) == []
    assert row.leased_until is not None
    assert timedelta(seconds=115) < row.leased_until - database_now() <= timedelta(seconds=120)


def test_the_limit_and_the_order_are_kept_and_other_rows_are_left_alone() -> None:
    make(5)
    chosen = Request.objects.exclude(network="004")
    rows = leases.claim(chosen, limit=3, order_by=("-network",))
    assert [row.network for row in rows] == ["003", "002", "001"]
    assert Request.objects.filter(lease=None).count() == 2


def test_a_lease_that_ran_out_goes_to_the_next_and_the_first_can_no_longer_save() -> None:
    make()
    (first,) = leases.claim(Request.objects.all(), limit=1)
    run_out()
    (second,) = leases.claim(Request.objects.all(), limit=1)
    assert not leases.save_if_held(first, network="first")
    assert leases.save_if_held(second, network="second", handled_at=Now())
    row = Request.objects.get()
    assert (row.network, row.lease, row.leased_until) == ("second", None, None)
    assert row.handled_at is not None


def test_a_lease_of_a_clock_that_was_ahead_and_is_put_right_holds_nothing() -> None:
    make()
    (first,) = leases.claim(Request.objects.all(), limit=1)
    Request.objects.update(leased_until=Now() + timedelta(days=8))
    assert len(leases.claim(Request.objects.all(), limit=1)) == 1
    assert not leases.save_if_held(first, network="first")


def test_a_lease_that_ran_out_but_was_not_taken_may_still_save() -> None:
    make()
    (row,) = leases.claim(Request.objects.all(), limit=1)
    run_out()
    assert leases.save_if_held(row, network="late")


def test_a_result_is_saved_once() -> None:
    make()
    (row,) = leases.claim(Request.objects.all(), limit=1)
    assert leases.save_if_held(row, network="one")
    assert not leases.save_if_held(row, network="two")


def test_a_row_read_without_a_lease_is_not_held() -> None:
    make()
    row = Request.objects.get()
    assert not leases.save_if_held(row, network="x")


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_share_the_rows_out_without_overlap() -> None:
    make(60)
    start = threading.Barrier(4)
    taken: list[int] = []
    troubles: list[Exception] = []

    def work() -> None:
        try:
            start.wait()
            while rows := leases.claim(Request.objects.all(), limit=7, order_by=("id",)):
                taken.extend(row.pk for row in rows)
        except Exception as error:
            troubles.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert troubles == []
    assert len(taken) == 60
    assert len(set(taken)) == 60


def test_the_databases_clock_is_aware_utc_and_near_ours() -> None:
    now = database_now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_clock_moves_inside_a_transaction() -> None:
    first = database_now()
    while database_now() == first:
        pass
    assert database_now() > first


# In turn: batch after batch, whoever waited longest first -------------------------------------------------------------


def test_every_free_row_comes_once_a_round_though_it_stay_due() -> None:
    make(2 * leases.BATCH + 1)
    seen = []
    for row in leases.in_turn(Request.objects.all()):
        seen.append(row.network)
        assert leases.give_back(row)
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 2 * leases.BATCH + 1


def test_a_row_that_was_tried_goes_to_the_end_of_the_line() -> None:
    make(3)
    for row in leases.in_turn(Request.objects.exclude(network="002")):
        leases.give_back(row)
    one_by_one = [leases.claim(Request.objects.all(), limit=1, order_by=leases.LONGEST_WAITING) for _ in range(3)]
    assert [row.network for (row,) in one_by_one] == ["002", "000", "001"]


def test_a_row_whose_lease_was_lost_is_not_given_back() -> None:
    make()
    (first,) = leases.claim(Request.objects.all(), limit=1)
    run_out()
    leases.claim(Request.objects.all(), limit=1)
    assert not leases.give_back(first)
    assert leases.claim(Request.objects.all(), limit=1) == []


def test_when_the_round_is_over_rows_that_were_not_begun_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    make(3)
    monkeypatch.setattr(leases, "PATIENCE", 0)
    assert list(leases.in_turn(Request.objects.all())) == []
    assert len(leases.claim(Request.objects.all(), limit=5)) == 3


def test_where_nothing_is_due_nothing_is_written(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as asked:
        assert list(leases.in_turn(Request.objects.all())) == []
    assert asked[0]["sql"].startswith("SELECT")
