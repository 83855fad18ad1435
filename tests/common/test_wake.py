import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from django.db.models.functions import Now

from accounts.mail.models import Request
from common import leases
from common import wake as wake_up
from common.wake import wake

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def messages(tmp_path: Path) -> Iterator[Any]:
    """Use a queue folder of this test's own; call it for the names of the tasks asked for so far."""
    before = current_app.conf.broker_transport_options
    current_app.conf.broker_transport_options = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }
    yield lambda: [json.loads(file.read_text())["headers"]["task"] for file in sorted(tmp_path.glob("*.msg"))]
    current_app.conf.broker_transport_options = before


@pytest.fixture
def broker() -> Iterator[Any]:
    """Point Celery at another broker for one test."""
    before = current_app.conf.broker_url, current_app.conf.broker_write_url
    yield lambda url: current_app.conf.update(broker_url=url, broker_write_url=url)
    current_app.conf.update(broker_url=before[0], broker_write_url=before[1])


def test_the_workers_are_woken_on_commit_and_not_before(messages: Any) -> None:
    with transaction.atomic():
        wake()
        assert messages() == []
    assert messages() == ["recoverydesk.recovery.tasks.sweep"]


def test_nobody_is_woken_for_what_was_rolled_back(messages: Any) -> None:
    with transaction.atomic():
        wake()
        transaction.set_rollback(True)
    assert messages() == []


def test_one_transaction_sends_one_message_per_task(messages: Any) -> None:
    with transaction.atomic():
        for _ in range(5):
            wake()
            wake("other")
    assert sorted(messages()) == ["recoverydesk.recovery.tasks.other", "recoverydesk.recovery.tasks.sweep"]


def test_a_savepoint_rolled_back_takes_only_its_own_message_along(messages: Any) -> None:
    with transaction.atomic():
        with transaction.atomic():
            wake()
            transaction.set_rollback(True)
        wake()
    assert messages() == ["recoverydesk.recovery.tasks.sweep"]


def test_a_message_carries_no_data_and_grows_old(messages: Any, tmp_path: Path) -> None:
    wake()
    (file,) = tmp_path.glob("*.msg")
    headers = json.loads(file.read_text())["headers"]
    assert (headers["argsrepr"], headers["kwargsrepr"]) == ("()", "{}")
    assert headers["expires"] is not None


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_down_costs_a_moment_and_a_line_in_the_log(
    broker: Any, scheme: str, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker(f"{scheme}://127.0.0.1:{free_port}//")
    with transaction.atomic():
        wake()
    assert [record.name for record in caplog.records if "no worker woken" in record.message] == [wake_up.__name__]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_never_answers_costs_little_more(
    broker: Any, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections and says nothing
        broker(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}//")
        wake()
        assert 1 <= waiting_at(listener) <= 2
    assert "no worker woken" in caplog.text


def waiting_at(listener: socket.socket) -> int:
    """How many connections were made that nobody has taken."""
    listener.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_request_spends_a_second_and_one_more_try_on_its_broker(broker: Any, scheme: str) -> None:
    broker(f"{scheme}://127.0.0.1:1//")
    with wake_up.impatient_connection() as connection:
        assert connection.connect_timeout == 1
        assert connection.transport_options.items() >= wake_up.PATIENCE.items()
    assert (wake_up.PATIENCE["max_retries"], wake_up.PATIENCE["socket_timeout"]) == (1, 1)


def test_a_folder_that_cannot_be_written_is_no_error_of_the_caller(
    broker: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    current_app.conf.broker_transport_options = {
        "data_folder_in": "/proc/nowhere",
        "data_folder_out": "/proc/nowhere",
        "control_folder": "/proc/nowhere",
    }
    wake()
    assert "no worker woken" in caplog.text


# A worker's round -----------------------------------------------------------------------------------------------------


def test_whatever_a_round_asks_for_is_sent_once_at_its_end(messages: Any) -> None:
    with wake_up.one_round():
        for _ticket in range(5):
            with transaction.atomic():
                wake()
        assert messages() == []
    assert messages() == ["recoverydesk.recovery.tasks.sweep"]
    wake()
    assert len(messages()) == 2


def test_a_round_that_breaks_has_still_asked_and_the_next_begins_anew(messages: Any) -> None:
    with contextlib.suppress(OSError), wake_up.one_round():
        wake()
        raise OSError("the disk is full")
    assert len(messages()) == 1
    with wake_up.one_round():
        pass
    assert len(messages()) == 1


def test_a_round_calls_one_more_worker_at_once_and_only_a_round_does(messages: Any) -> None:
    wake_up.call_for_help()
    assert messages() == []
    with wake_up.one_round():
        wake_up.call_for_help()
        wake_up.call_for_help()
        assert len(messages()) == 1
    assert len(messages()) == 1


def test_a_full_batch_calls_for_help_and_a_part_of_one_does_not(messages: Any) -> None:
    def work_off(many: int) -> int:
        Request.objects.bulk_create(Request(kind=Request.Kind.RECOVERY, payload=b"") for _ in range(many))
        with wake_up.one_round():
            return sum(leases.save_if_held(row, handled_at=Now()) for row in leases.in_turn(waiting))

    waiting = Request.objects.filter(handled_at=None)
    assert (work_off(leases.BATCH - 1), len(messages())) == (leases.BATCH - 1, 0)
    assert (work_off(2 * leases.BATCH), len(messages())) == (2 * leases.BATCH, 1)
