"""Many sweeps at once: no ticket is anybody's twice, nobody waits for anybody, and a lost race is no event."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.mail.models import Mail, Request
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common import leases
from common.clock import database_now
from common.leases import Leased
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import chores, intake, sweep
from recoverydesk.recovery.models import Boundary, Chore, CodeHost, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, staff
from recoverydesk.recovery.workflow.locked_ticket import verb
from recoverydesk.recovery.workflow.table import Verb
from tests.helpers import factories
from tests.helpers.tickets import REASON, add_boundary, as_staff, make_admin, make_moderator, make_ticket, refusals

pytestmark = pytest.mark.django_db
MANY = 4  # sweeps at once: the threads of one worker
DAY = timedelta(days=1)


def new_ticket(name: str) -> RecoveryTicket:
    """One the desk challenges by itself."""
    user = factories.make_user(name)
    factories.add_totp(user)
    return make_ticket(user, Status.NEW, challenges_itself=True)


def at_once(work: Callable[[], Any], many: int = MANY) -> list[Any]:
    """What so many threads with connections of their own return, started together."""
    barrier, answers = threading.Barrier(many), list[Any]()

    def run() -> None:
        try:
            barrier.wait()
            answers.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# One ticket, one worker ----------------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_share_the_tickets_out_and_write_no_refusal() -> None:
    tickets = [new_ticket(f"user{number}") for number in range(3 * MANY)]
    done = at_once(sweep.sweep)
    assert sum(one["challenged"] for one in done) == len(tickets)
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_CHALLENGE).count() == len(tickets)
    assert not Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_REFUSED).exists()
    assert not RecoveryTicket.objects.exclude(lease=None).exists()


def due_of_every_kind() -> None:
    """A row for every part of the sweep that works on rows."""
    now = database_now()
    new_ticket("new")
    make_ticket(factories.make_user("waited"), Status.WAITING)
    make_ticket(factories.make_user("silent"), their_seconds=20 * 86400)
    make_ticket(factories.make_user("reminded"), next_notice_at=now)
    add_boundary(make_ticket(factories.make_user("pushed")), next_probe_at=now)
    bounced = make_ticket(factories.make_user("bounced"))
    CodeHost.objects.create(host="git.example", origin="https://git.example", described=False)
    intake.note_request(username="new", claim="second_factor", says_codes_lost=True, network="")
    Mail.objects.create(
        kind="recovery_challenge", recipient=bounced.contact, reference=bounced.reference, language="en",
        dedupe_key="k", message_id="<k@x>", state="failed",
    )  # fmt: skip
    RecoveryTicket.objects.filter(status=Status.WAITING).update(wait_until=now)
    chores.run_chores()


@pytest.fixture
def others_lock() -> Iterator[Callable[[], None]]:
    """Call it, and another connection holds a lock on every row that is worked by lease, until the test is over."""
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                for model in Leased.__subclasses__():
                    list(model._default_manager.select_for_update())
                locked.set()
                over.wait(60)
        finally:
            locked.set()
            connection.close()

    thread = threading.Thread(target=hold)

    def start() -> None:
        thread.start()
        locked.wait(60)

    yield start
    over.set()
    thread.join()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_sweep_waits_for_no_row_that_another_one_works_on(
    others_lock: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    due_of_every_kind()
    others_lock()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")  # whoever waits fails, and says so
    try:
        done = sweep.sweep()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert (sum(done.values()), caplog.messages) == (0, [])


def test_every_kind_of_row_is_due_where_nobody_holds_it() -> None:
    """The scene of the test above is one in which there is something to do."""
    due_of_every_kind()
    done = sweep.sweep()
    parts = ("requests", "challenged", "bounces", "probes", "waits", "notices", "expired")
    assert {part: done[part] for part in parts if not done[part]} == {}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_co_owners_own_ticket_holds_up_no_mail_to_them() -> None:
    kim, ticket = factories.make_user("kim"), new_ticket("ada")
    project = factories.make_project("shared", ticket.subject)
    factories.add_role(project, kim)
    own, held, over = make_ticket(kim), threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with verb(Verb.CHECK_NOW, own.pk, SYSTEM):
                held.set()
                over.wait(60)
        finally:
            held.set()
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
            workflow.challenge(ticket.pk, actor=SYSTEM)
    finally:
        over.set()
        thread.join()
    assert Mail.objects.filter(user=kim, kind="recovery_co_owner").exists()


# A lost race ---------------------------------------------------------------------------------------------------------


def test_the_system_that_comes_second_writes_nothing_and_a_person_who_does_is_told(db: None) -> None:
    ticket = new_ticket("ada")
    workflow.challenge(ticket.pk, actor=SYSTEM)
    with pytest.raises(errors.InvalidTransition):
        workflow.challenge(ticket.pk, actor=SYSTEM)
    assert refusals(ticket) == []
    with pytest.raises(errors.InvalidTransition):
        workflow.challenge(ticket.pk, actor=staff(make_moderator()))
    assert [one["error"] for one in refusals(ticket)] == ["InvalidTransition"]


def test_a_ticket_that_a_person_closed_in_between_is_left_alone(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = new_ticket("ada")
    admin, claim = as_staff(make_admin()), leases.claim

    def claim_and_reject(queryset: Any, **options: Any) -> list[Any]:
        rows = claim(queryset, **options)
        if queryset.model is RecoveryTicket and rows:
            workflow.reject(ticket.pk, actor=admin, reason=REASON)
        return rows

    monkeypatch.setattr(leases, "claim", claim_and_reject)
    assert sweep.sweep()["challenged"] == 0
    ticket.refresh_from_db()
    assert (ticket.status, ticket.lease, refusals(ticket)) == (Status.REJECTED, None, [])


def test_what_the_desk_may_not_do_by_itself_is_still_said_once(db: None) -> None:
    ticket = new_ticket("ada")
    User.objects.filter(pk=ticket.subject_id).update(frozen_at=Now(), frozen_by="staff")
    sweep.sweep()
    sweep.sweep()
    assert [one["error"] for one in refusals(ticket)] == ["TicketBlocked"]


# Chores --------------------------------------------------------------------------------------------------------------


def test_a_chore_that_another_worker_does_is_passed_by_and_the_others_are_done(settings: Any) -> None:
    settings.CHORES = {
        "mine": "tests.recovery.background.test_sharing.one",
        "theirs": "tests.recovery.background.test_sharing.one",
    }
    assert chores.run_chores() == {"mine": 1, "theirs": 1}
    leases.claim(Chore.objects.filter(name="theirs"), limit=1)
    assert chores.run_chores() == {"mine": 1, "theirs": 0}
    Chore.objects.update(leased_until=Now() - DAY)
    assert chores.run_chores() == {"mine": 1, "theirs": 1}
    assert not Chore.objects.exclude(lease=None).exists()


def one() -> int:
    return 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_does_a_chore(settings: Any) -> None:
    settings.CHORES = {"slow": "tests.recovery.background.test_sharing.wait_for_the_others"}
    answers = at_once(pass_or_do)
    assert sorted(answers) == [0] * (MANY - 1) + [1]


_passed = threading.Semaphore(0)


def wait_for_the_others() -> int:
    """Ends when all the others have passed by."""
    return int(all(_passed.acquire(timeout=60) for _ in range(MANY - 1)))


def pass_or_do() -> int:
    done = chores.run_chores()["slow"]
    _passed.release()
    return done


# Requests ------------------------------------------------------------------------------------------------------------


def test_the_same_asked_twenty_times_in_a_round_costs_one_opening(db: None) -> None:
    factories.add_totp(factories.make_user("ada"))
    for _again in range(2 * leases.BATCH):
        intake.note_request(username="ada", claim="second_factor", says_codes_lost=True, network="")
    Request.objects.update(due_at=Now() - DAY)
    assert sweep.sweep()["requests"] == 2 * leases.BATCH
    assert Mail.objects.filter(kind__startswith="recovery_challenge").count() == 1
    assert Boundary.objects.count() == 0
