import os
import signal
import threading
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.models import F
from django.db.models.functions import Now

from accounts.mail import delivery, outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event, EventDetail
from audit.tags import Tag
from tests.accounts.mail.samples import due_again, queue, write
from tests.helpers.mail_server import MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates", "hook", "link_pages")]
State = Mail.State


def test_a_mail_is_sent_once_with_its_event(server: MailServer, ada: User) -> None:
    mail = queue(user=ada)
    assert outbox.send_due() == 1
    assert outbox.send_due() == 0
    mail.refresh_from_db()
    assert [envelope.rcpt_tos for envelope in server.taken] == [["user1@example.org"]]
    assert (mail.state, mail.attempts, mail.lease, mail.error) == (State.SENT, 1, None, "")
    assert mail.sent_at == mail.settled_at
    event = Event.objects.get(tag=Tag.ACCOUNT_EMAIL_SENT)
    assert (event.subject_uid, event.actor_name, event.ticket) == (ada.uid, "system", 7)
    assert event.data == {"kind": "sample"}
    assert EventDetail.objects.get(event_id=event.id).address == "user1@example.org"


def test_what_arrives_says_it_is_automatic_and_has_two_parts(server: MailServer) -> None:
    mail = queue()
    outbox.send_due()
    arrived = message_from_bytes(server.offered[0], policy=policy.default)
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Message-ID"] == mail.message_id
    assert arrived["Subject"] == "[RecoveryDesk] Ticket 7"
    parts = [part.get_content_type() for part in arrived.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]


def test_a_batch_uses_one_connection(server: MailServer) -> None:
    for number in range(1, 13):
        queue(number)
    assert outbox.send_due() == 12
    assert (len(server.taken), len(server.sessions)) == (12, 1)


def test_no_more_than_the_limit_is_tried(server: MailServer) -> None:
    for number in range(1, 6):
        queue(number)
    assert outbox.send_due(limit=3) == 3
    assert Mail.objects.filter(state=State.QUEUED, lease=None).count() == 2


def test_a_4xx_is_tried_again_and_delivers_the_same_bytes(server: MailServer) -> None:
    server.data = ["451 greylisted, come back"] * 2
    mail = queue()
    for _ in range(3):
        assert outbox.send_due() == 1
        due_again()
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (State.SENT, 3)
    assert len(server.offered) == 3
    assert len(set(server.offered)) == 1
    assert mail.message_id.encode() in server.offered[0]


def test_between_tries_there_is_a_pause_that_grows(server: MailServer) -> None:
    server.recipients = ["450 busy"] * 12
    mail, pauses = queue(), []
    for _ in range(10):
        outbox.send_due()
        mail.refresh_from_db()
        (pause,) = Mail.objects.values_list(F("next_try") - Now(), flat=True)
        pauses.append(round(pause.total_seconds() / 30) / 2)
        assert outbox.send_due() == 0
        due_again()
    assert pauses == [0.5, 1, 2, 5, 5, 5, 5, 15, 30, 30]
    assert "450" in mail.error


def test_after_two_days_the_queue_gives_up(server: MailServer, ada: User) -> None:
    server.recipients = ["450 busy"]
    mail = queue(user=ada)
    Mail.objects.update(queued_at=Now() - timedelta(days=2, minutes=1))
    outbox.send_due()
    mail.refresh_from_db()
    assert (mail.state, mail.sent_at) == (State.FAILED, None)
    assert mail.settled_at is not None
    assert Event.objects.get(tag=Tag.ACCOUNT_EMAIL_FAILED).data == {"kind": "sample", "code": 450}


@pytest.mark.parametrize("stage", ["recipients", "data"])
def test_a_5xx_fails_at_once_and_the_next_mail_goes_out(server: MailServer, ada: User, stage: str) -> None:
    setattr(server, stage, ["550 no such user here"])
    refused, other = queue(1, user=ada), queue(2)
    assert outbox.send_due() == 2
    refused.refresh_from_db()
    other.refresh_from_db()
    assert (refused.state, refused.attempts, other.state) == (State.FAILED, 1, State.SENT)
    event = Event.objects.get(tag=Tag.ACCOUNT_EMAIL_FAILED)
    assert (event.subject_uid, event.data) == (ada.uid, {"kind": "sample", "code": 550})
    due_again()
    assert outbox.send_due() == 0


def test_a_server_that_is_down_costs_no_mail_its_life(settings: Any, free_port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
    for number in range(1, 4):
        queue(number)
    assert outbox.send_due() == 3
    rows = list(Mail.objects.values_list("state", "attempts", "lease"))
    assert rows == [(State.QUEUED, 1, None)] * 3
    assert outbox.send_due() == 0


def test_our_own_bad_password_fails_no_mail_for_good(server: MailServer, settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "desk", "wrong"
    mail = queue()
    outbox.send_due()
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (State.QUEUED, 1)
    assert "SMTP" in mail.error


@pytest.mark.parametrize(
    ("subject", "body", "trouble"),
    [
        ("Two\nlines", "text", "BadHeaderError"),
        ("One line", "{% include 'nowhere.txt' %}", "cannot be written: TemplateDoesNotExist"),
    ],
)
def test_a_mail_that_cannot_be_written_waits_and_lets_the_others_pass(
    server: MailServer, templates: Path, subject: str, body: str, trouble: str
) -> None:
    write(templates, "broken", subject=subject, body=body)
    broken = outbox.queue("broken", "user1@example.org", dedupe="broken")
    queue(2)
    outbox.send_due()
    broken.refresh_from_db()
    assert broken.state == State.QUEUED
    assert broken.error.startswith(trouble)
    assert [envelope.rcpt_tos for envelope in server.taken] == [["user2@example.org"]]


@pytest.mark.django_db(transaction=True)
def test_a_lost_lease_saves_nothing(server: MailServer) -> None:
    mail, other = queue(), uuid4()

    def steal() -> None:
        Mail.objects.update(lease=other, leased_until=Now() + timedelta(minutes=2))
        connection.close()

    server.before_answer = steal
    outbox.send_due()
    mail.refresh_from_db()
    assert len(server.taken) == 1
    assert (mail.state, mail.lease, mail.attempts) == (State.QUEUED, other, 0)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_server_is_spoken_to(server: MailServer) -> None:
    ours, seen = connections["default"], []
    server.before_answer = lambda: seen.append(ours.in_atomic_block)
    queue()
    outbox.send_due()
    assert seen == [False]


def test_a_batch_that_takes_too_long_gives_the_rest_back(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def two_minutes_pass() -> None:
        now[0] += 2 * delivery.PATIENCE

    monkeypatch.setattr("accounts.mail.delivery.time", SimpleNamespace(monotonic=lambda: now[0]))
    server.before_answer = two_minutes_pass
    monkeypatch.setattr(delivery, "BATCH", 3)
    for number in range(1, 4):
        queue(number)
    outbox.send_due(limit=3)
    assert len(server.taken) == 1
    assert Mail.objects.filter(state=State.QUEUED, lease=None, attempts=0, next_try__lte=Now()).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_sending_loses_nothing(server: MailServer) -> None:
    arrived, killed = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        killed.wait(180)

    server.before_answer = hold
    queue()
    connection.close()
    worker = os.fork()
    if not worker:
        outbox.send_due()
        os._exit(0)
    assert arrived.wait(180)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    killed.set()
    assert outbox.send_due() == 0
    Mail.objects.update(leased_until=Now() - timedelta(seconds=1))
    assert outbox.send_due() == 1
    assert len(server.offered) == 2
    assert len(set(server.offered)) == 1
    assert Mail.objects.get().state == State.SENT
    assert Event.objects.filter(tag=Tag.ACCOUNT_EMAIL_SENT).count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_every_mail_once(server: MailServer) -> None:
    server.slow = 0.02
    for number in range(1, 31):
        queue(number)
    start = threading.Barrier(3)
    troubles: list[BaseException] = []

    def work() -> None:
        try:
            start.wait()
            outbox.send_due()
        except BaseException as error:
            troubles.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert troubles == []
    assert sorted(envelope.rcpt_tos[0] for envelope in server.taken) == sorted(
        f"user{number}@example.org" for number in range(1, 31)
    )
    assert Mail.objects.filter(state=State.SENT, attempts=1).count() == 30
    assert Event.objects.filter(tag=Tag.ACCOUNT_EMAIL_SENT).count() == 30
