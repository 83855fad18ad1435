"""The sweep: everything due is done once, by however many workers, and nothing that is not due."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models.functions import Now

from accounts import services
from accounts.mail.models import Mail, Request
from accounts.models import User
from audit.models import Event, EventDetail
from audit.tags import Tag
from common import leases
from common.clock import database_now
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.background import intake, probe_rounds, sweep
from recoverydesk.recovery.code_hosts import learned
from recoverydesk.recovery.desk import assignment, notes
from recoverydesk.recovery.models import Boundary, Claim, Probe, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM, claimant, staff
from recoverydesk.recovery.probing import questions
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import factories
from tests.helpers.hosts import Host, git
from tests.helpers.tickets import (
    DAY,
    HOUR,
    REASON,
    add_boundary,
    as_staff,
    everything,
    make_admin,
    make_moderator,
    make_ticket,
    refusals,
    result_of,
    status_link,
    tags_of,
)

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def ask(username: str = "ada") -> Request:
    return intake.note_request(username=username, claim="second_factor", says_codes_lost=True, network="192.0.2.1")


# Requests ------------------------------------------------------------------------------------------------------------


def test_a_request_becomes_a_challenged_ticket_in_one_round(ada: User) -> None:
    row = ask("  ADA ")
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    assert (ticket.status, ticket.contact, ticket.source) == (Status.CHALLENGED, "ada@example.org", Source.FORM)
    row.refresh_from_db()
    assert row.handled_at is not None


@pytest.mark.parametrize("state", ["missing", "inactive"])
def test_a_request_that_names_nobody_we_can_help_ends_quietly(ada: User, state: str) -> None:
    if state == "inactive":
        User.objects.update(is_active=False)
    row = ask("ada" if state != "missing" else "nobody")
    sweep.sweep()
    row.refresh_from_db()
    assert row.handled_at is not None
    assert not RecoveryTicket.objects.exists()
    assert not Mail.objects.exists()


def test_a_request_of_an_account_without_a_verified_address_is_about_that_too(ada: User) -> None:
    ada.emailaddress_set.update(verified=False)
    ask("ada")
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    assert (ticket.claim, ticket.contact) == (Claim.UNVERIFIED_AND_FACTOR, "ada@example.org")


@pytest.mark.parametrize("state", ["frozen", "staff", "no factor"])
def test_what_does_not_match_by_itself_waits_for_a_person_and_asks_for_no_proof(ada: User, state: str) -> None:
    if state == "frozen":
        User.objects.update(frozen_at=Now(), frozen_by="staff")
    if state == "staff":
        User.objects.update(is_staff=True)
    if state == "no factor":
        ada.totpdevice_set.all().delete()
    ask()
    for _round in range(3):
        sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    assert (ticket.status, ticket.turn, ticket.challenges_itself) == (Status.NEW, "ours", False)
    assert list(Mail.objects.values_list("kind", "recipient")) == [("recovery_received", "ada@example.org")]
    assert tags_of(ticket).count(Tag.ACCOUNT_RECOVERY_REFUSED) <= 1


def test_a_request_that_cannot_be_read_stops_nobody(ada: User, caplog: pytest.LogCaptureFixture) -> None:
    broken = ask()
    Request.objects.filter(pk=broken.pk).update(payload=b"gAAAA-not-ours")
    fine = ask()
    with caplog.at_level(logging.CRITICAL):
        sweep.sweep()
    fine.refresh_from_db()
    broken.refresh_from_db()
    assert (fine.handled_at is not None, broken.handled_at) == (True, None)
    assert RecoveryTicket.objects.get().status == Status.CHALLENGED


def test_only_tickets_whose_turns_add_up_to_the_whole_time_are_read_to_be_expired(ada: User) -> None:
    now, kim = database_now(), factories.make_user("kim")
    over = make_ticket(ada, their_seconds=13 * 86400, turn_since=now - DAY - SECOND)
    make_ticket(kim, their_seconds=13 * 86400, turn_since=now - DAY + HOUR)
    assert list(sweep._silent()) == [over]


def test_a_bounce_is_seen_behind_a_hundred_newer_ones(ada: User) -> None:
    ticket = make_ticket(ada)
    mails = [
        Mail(kind="recovery_challenge", recipient=ticket.contact, reference=reference, language="en",
             dedupe_key=f"k{number}", message_id=f"k{number}", state="failed")
        for number, reference in enumerate([ticket.reference, *["ticket:999999"] * 100])
    ]  # fmt: skip
    Mail.objects.bulk_create(mails)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.contact_bounced_at is not None


def test_a_request_that_another_worker_took_over_is_left_to_it(ada: User) -> None:
    ask()
    (mine,) = leases.claim(Request.objects.all(), limit=1)
    Request.objects.update(leased_until=Now() - SECOND)
    (theirs,) = leases.claim(Request.objects.all(), limit=1)
    assert sweep._handle(mine) == 0
    assert not RecoveryTicket.objects.exists()
    assert sweep._handle(theirs) == 1
    assert sweep._handle(theirs) == 0
    assert RecoveryTicket.objects.count() == 1


def test_joining_changes_nothing_in_the_ticket_and_sends_again_three_times_a_day(ada: User) -> None:
    EmailAddress.objects.create(user=ada, email="ada@second.example", verified=True, primary=False)
    ask()
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    frozen = list(Boundary.objects.values())
    factories.make_project("later", ada, urls=[("Source", "https://github.com/later/x")])
    for _again in range(6):
        ask()
        sweep.sweep()
    now = RecoveryTicket.objects.get()
    assert Mail.objects.filter(kind__startswith="recovery_challenge").count() == 4
    assert Mail.objects.filter(kind="recovery_notice").count() == 1
    unchanged = ("status", "requested_at", "nonce", "facts", "wait_until", "contact", "challenged_at", "turn")
    assert [getattr(now, name) for name in unchanged] == [getattr(ticket, name) for name in unchanged]
    assert list(Boundary.objects.values()) == frozen


def test_three_are_sent_again_on_every_later_day_too(ada: User) -> None:
    ask()
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    for _day in range(2):
        Mail.objects.update(queued_at=Now() - DAY - SECOND)
        for _again in range(3):
            workflow.resend(ticket.pk, actor=SYSTEM)
        with pytest.raises(errors.TooOften):
            workflow.resend(ticket.pk, actor=SYSTEM)


def test_the_fourth_unconfirmed_opening_in_thirty_days_mails_nothing(ada: User) -> None:
    for number in range(4):
        ask()
        sweep.sweep()
        ticket = RecoveryTicket.objects.latest("id")
        assert (ticket.status == Status.CHALLENGED) == (number < 3)
        if number < 3:
            workflow.reject(ticket.pk, actor=as_staff(make_admin(f"admin{number}")), reason=REASON)
    assert refusals(ticket)[-1]["error"] == "TooOften"
    assert Mail.objects.filter(kind="recovery_challenge_without_repositories").count() == 3


# Probes --------------------------------------------------------------------------------------------------------------


def leased(boundary: Boundary) -> Boundary:
    (row,) = leases.claim(Boundary.objects.filter(pk=boundary.pk), limit=1)
    return row


@pytest.mark.parametrize(
    ("verdict", "attempts", "minutes"),
    [
        (Verdict.MISSING, 0, 15), (Verdict.MISSING, 1, 60), (Verdict.MISSING, 2, 360), (Verdict.MISSING, 9, 1440),
        (Verdict.UNREACHABLE, 0, 1), (Verdict.UNREACHABLE, 1, 5), (Verdict.UNREACHABLE, 9, 1440),
        (Verdict.PRIVATE_OR_ABSENT, 0, 1440), (Verdict.NOT_A_REPOSITORY, 0, None), (Verdict.MOVED, 0, None),
        (Verdict.BLOCKED, 0, None), (Verdict.AMBIGUOUS, 0, None),
    ],
)  # fmt: skip
def test_the_next_look_follows_from_the_verdict(
    ada: User, verdict: Verdict, attempts: int, minutes: int | None
) -> None:
    ticket = make_ticket(ada)
    row = leased(add_boundary(ticket, attempts=attempts))
    workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result_of(row, verdict)])
    row.refresh_from_db()
    assert (row.last_verdict, row.lease, row.attempts) == (verdict, None, attempts + 1)
    if minutes is None:
        assert row.next_probe_at is None
        return
    assert row.next_probe_at is not None
    assert row.last_probed_at is not None
    wait = (row.next_probe_at - row.last_probed_at).total_seconds() / 60
    assert minutes <= wait <= minutes * 1.11


def test_a_host_that_names_a_time_is_asked_then(ada: User) -> None:
    ticket = make_ticket(ada)
    row = leased(add_boundary(ticket))
    result = result_of(row, Verdict.UNREACHABLE, retry_after=7200.0)
    workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result])
    row.refresh_from_db()
    assert row.next_probe_at is not None
    assert row.next_probe_at >= database_now() + 2 * HOUR - timedelta(minutes=1)


@pytest.mark.parametrize("verdict", [one for one in Verdict if one != Verdict.FOUND])
def test_only_found_proves(ada: User, verdict: Verdict) -> None:
    ticket = make_ticket(ada)
    row = leased(add_boundary(ticket))
    workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result_of(row, verdict)] * 5)
    row.refresh_from_db()
    assert (row.proved_at, row.probes.count()) == (None, 5)


def test_one_boundary_proved_five_times_is_one_proof(ada: User) -> None:
    ticket = make_ticket(ada)
    one, two = add_boundary(ticket, "one"), add_boundary(ticket, "two")
    row = leased(one)
    workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result_of(row, Verdict.FOUND)] * 5)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.proved_at is not None, two.proved_at) == (True, None)
    assert tags_of(ticket).count(Tag.ACCOUNT_RECOVERY_PROOF) == 1


def test_found_elsewhere_does_not_prove_this_boundary(ada: User) -> None:
    ticket = make_ticket(ada)
    one = add_boundary(ticket, "one")
    elsewhere = [
        result_of(one, Verdict.FOUND, namespace="two"),
        result_of(one, Verdict.FOUND, host="git.other.example"),
        ("https://git.example/one/not-frozen", result_of(one, Verdict.FOUND)[1]),
    ]
    for result in elsewhere:
        row = leased(one)
        workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result])
    one.refresh_from_db()
    assert (one.proved_at, one.probes.count()) == (None, 3)


@pytest.mark.parametrize("kind", [Boundary.Kind.YOUNG, Boundary.Kind.RETIRED, "foreign"])
def test_a_boundary_nobody_asks_for_is_refused(ada: User, kind: str) -> None:
    ticket = make_ticket(ada)
    if kind == "foreign":
        row = leased(add_boundary(make_ticket(factories.make_user("kim"))))
    else:
        row = leased(add_boundary(ticket, kind=kind))
    with pytest.raises(errors.InvalidTransition):
        workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result_of(row, Verdict.FOUND)])
    assert not Probe.objects.exists()


def test_the_first_proof_confirms_the_mailbox_and_moves_on(ada: User) -> None:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, wait_until=database_now() + HOUR)
    row = leased(add_boundary(ticket))
    workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result_of(row, Verdict.FOUND)])
    ticket.refresh_from_db()
    assert ticket.mailbox_confirmed_at is not None
    assert ticket.status == Status.WAITING


def test_a_result_that_comes_after_the_lease_was_lost_is_dropped(ada: User) -> None:
    ticket = make_ticket(ada)
    mine = leased(add_boundary(ticket))
    Boundary.objects.update(leased_until=Now() - SECOND)
    leased(mine)
    before = everything()
    workflow.record_probe(ticket.pk, mine.pk, lease=mine.lease, results=[result_of(mine, Verdict.FOUND)])
    assert everything() == before


def test_a_ticket_closed_during_a_probe_keeps_nothing(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make_ticket(ada)
    boundary = add_boundary(ticket, next_probe_at=database_now())
    admin = as_staff(make_admin())

    def look(*_args: Any, **_keywords: Any) -> list[Any]:
        return [result_of(boundary, Verdict.FOUND)[1]]

    take = learned.lease_hosts

    def take_and_close(*args: Any) -> dict[str, Any]:
        workflow.reject(ticket.pk, actor=admin, reason=REASON)
        return take(*args)

    monkeypatch.setattr(questions, "look", look)
    monkeypatch.setattr(learned, "lease_hosts", take_and_close)
    probe_rounds.probe_due()
    boundary.refresh_from_db()
    assert (boundary.proved_at, boundary.last_verdict, Probe.objects.count()) == (None, "", 0)
    ticket.refresh_from_db()
    assert ticket.status == Status.REJECTED


def test_a_proof_is_kept_where_policy_has_no_row_yet(ada: User) -> None:
    ticket = make_ticket(ada)
    row = leased(add_boundary(ticket))
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    workflow.record_probe(ticket.pk, row.pk, lease=row.lease, results=[result_of(row, Verdict.FOUND)])
    row.refresh_from_db()
    assert row.proved_at is not None
    assert RecoveryTicket.objects.get().status == Status.CHALLENGED


def test_a_branch_deleted_after_it_was_found_has_proved(ada: User, host: Host, tmp_path: Path) -> None:
    url = host.create("ada/tool")
    factories.make_project("tool", ada, urls=[("Source", url)])
    ask()
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    token = notices.token_of(ticket)
    assert ticket.boundaries.get().last_verdict == Verdict.MISSING
    host.push(url, token, tmp_path)
    Boundary.objects.update(next_probe_at=Now())
    sweep.sweep()
    git(tmp_path / "tool", "push", "--quiet", "origin", f":refs/heads/{token}")
    Boundary.objects.update(next_probe_at=Now())
    sweep.sweep()
    boundary = ticket.boundaries.get()
    assert boundary.proof is not None
    assert (boundary.proof.verdict, boundary.probes.count()) == (Verdict.FOUND, 2)
    ticket.refresh_from_db()
    assert ticket.status == Status.WAITING


def test_decoys_of_real_repositories_prove_nothing(ada: User, host: Host, tmp_path: Path) -> None:
    url = host.create("ada/tool")
    factories.make_project("tool", ada, urls=[("Source", url)])
    ask()
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    token = notices.token_of(ticket)
    host.push(url, f"{token}x", tmp_path)
    clone = tmp_path / "tool"
    for ref in (f"refs/heads/x/refs/heads/{token}", f"refs/tags/{token}", f"refs/heads/{token.upper()}",
                f"refs/heads/{token[:-1]}", f"refs/pull/7/{token}"):  # fmt: skip
        git(clone, "push", "--quiet", "origin", f"HEAD:{ref}")
    probe_rounds.probe_ticket(ticket.pk, actor=SYSTEM)
    assert (ticket.boundaries.get().last_verdict, ticket.boundaries.get().proved_at) == (Verdict.MISSING, None)


def test_a_look_a_minute_is_enough(ada: User) -> None:
    ticket = make_ticket(ada)
    ago, later = database_now() - 30 * SECOND, database_now() + DAY
    add_boundary(ticket, "never")
    add_boundary(ticket, "first", attempts=1, last_probed_at=ago)
    add_boundary(ticket, "given-up", attempts=2, last_probed_at=ago, next_probe_at=None)
    add_boundary(ticket, "planned", attempts=2, last_probed_at=ago, next_probe_at=later)
    add_boundary(ticket, "soon", attempts=2, last_probed_at=ago, next_probe_at=ago + SECOND)
    add_boundary(ticket, "proved", proved=True)
    workflow.check_now(ticket.pk, actor=claimant(status_link(ticket)))
    now, next_look = database_now(), dict(Boundary.objects.values_list("namespace", "next_probe_at"))
    assert next_look.pop("proved") is None
    due = {name: at is not None and at <= now for name, at in next_look.items()}
    assert due == {"never": True, "first": True, "given-up": False, "planned": False, "soon": True}
    a_minute_later = ago + 60 * SECOND
    assert (next_look["given-up"], next_look["planned"]) == (a_minute_later, a_minute_later)


# Timers --------------------------------------------------------------------------------------------------------------


def test_fourteen_days_of_their_turn_end_a_ticket_and_days_of_ours_do_not(ada: User) -> None:
    ticket = make_ticket(ada, turn_since=database_now() - 14 * DAY + timedelta(minutes=1))
    add_boundary(ticket)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    RecoveryTicket.objects.update(turn="ours", turn_since=Now() - 90 * DAY)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    RecoveryTicket.objects.update(turn="theirs", their_seconds=13 * 86400, turn_since=Now() - DAY - SECOND)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.EXPIRED


def test_turns_of_theirs_add_up(ada: User) -> None:
    ticket = make_ticket(ada, turn_since=database_now() - 5 * DAY)
    add_boundary(ticket)
    workflow.note_bounce(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.turn, ticket.their_seconds // 86400) == ("ours", 5)
    RecoveryTicket.objects.update(turn="theirs", turn_since=Now() - 3 * DAY, contact_bounced_at=None)
    workflow.note_bounce(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.turn, ticket.their_seconds // 86400) == ("ours", 8)


def test_turns_of_ours_add_nothing_to_theirs(ada: User) -> None:
    ticket = make_ticket(ada, turn="ours", turn_since=database_now() - 5 * DAY, contact_bounced_at=database_now())
    RecoveryTicket.objects.update(their_seconds=3 * 86400)
    add_boundary(ticket)
    for state in ("bounced", "delivered"):
        to_the_contact(ticket, state)
    workflow.mend_bounce(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.turn, ticket.their_seconds) == ("theirs", 3 * 86400)


def test_while_a_host_is_down_nobody_runs_out_of_time(ada: User) -> None:
    ticket = make_ticket(ada, turn_since=database_now() - 30 * DAY)
    down = add_boundary(ticket, last_verdict=Verdict.UNREACHABLE, last_probed_at=database_now() - HOUR)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    Boundary.objects.filter(pk=down.pk).update(last_probed_at=Now() - DAY - SECOND)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.EXPIRED


def test_new_and_ready_tickets_never_expire(ada: User) -> None:
    for name, status in (("kim", Status.NEW), ("lee", Status.READY)):
        make_ticket(factories.make_user(name), status, turn_since=database_now() - 400 * DAY, their_seconds=10**9)
    sweep.sweep()
    assert set(RecoveryTicket.objects.values_list("status", flat=True)) == {Status.NEW, Status.READY}


def test_a_quiet_round_writes_nothing_however_often_it_runs(ada: User) -> None:
    scene: list[dict[str, Any]] = [
        {"status": Status.NEW}, {"status": Status.CHALLENGED, "turn_since": database_now() - 10 * DAY},
        {"status": Status.CHALLENGED, "wait_until": database_now() + DAY}, {"status": Status.WAITING},
        {"status": Status.READY}, {"status": Status.REJECTED},
    ]  # fmt: skip
    for number, fields in enumerate(scene):
        add_boundary(make_ticket(factories.make_user(f"user{number}"), **fields))
    staff_subject = make_ticket(factories.make_user("boss", staff=True), Status.WAITING)
    RecoveryTicket.objects.filter(pk=staff_subject.pk).update(wait_until=Now())
    sweep.sweep()
    sweep.sweep()  # the first one's last news leaves with the second
    before, events = everything(), Event.objects.count()
    for _round in range(5):
        sweep.sweep()
    assert everything() == before
    assert Event.objects.count() == events


def test_a_bounce_is_our_turn_whatever_the_status(ada: User) -> None:
    for number, status in enumerate((Status.CHALLENGED, Status.WAITING, Status.READY)):
        ticket = make_ticket(factories.make_user(f"user{number}"), status)
        Mail.objects.create(
            kind="recovery_challenge", recipient=ticket.contact, reference=ticket.reference, language="en",
            dedupe_key=notices.challenge_key(ticket), message_id=f"<{number}@x>", state="bounced", settled_at=Now(),
        )  # fmt: skip
        sweep.sweep()
        ticket.refresh_from_db()
        assert (ticket.status, ticket.turn) == (Status.CHALLENGED, "ours")
        assert ticket.contact_bounced_at is not None


def to_the_contact(ticket: RecoveryTicket, state: str, kind: str = "recovery_challenge") -> Mail:
    number = Mail.objects.count()
    return Mail.objects.create(
        kind=kind, recipient=ticket.contact, reference=ticket.reference, language="en", state=state,
        dedupe_key=f"mail:{number}", message_id=f"<{number}@y>", settled_at=Now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "later", "mends"),
    [("bounced", "delivered", True), ("failed", "delivered", True), ("failed", "sent", True),
     ("bounced", "sent", False), ("bounced", "queued", False), ("failed", "failed", False)],
)  # fmt: skip
def test_a_bounce_is_mended_by_a_later_mail_that_arrived(ada: User, lost: str, later: str, mends: bool) -> None:
    ticket = make_ticket(ada)
    add_boundary(ticket)
    to_the_contact(ticket, lost)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.turn == "ours"
    to_the_contact(ticket, later)
    for _round in range(3):
        sweep.sweep()
        ticket.refresh_from_db()
        assert (ticket.turn, ticket.contact_bounced_at is None) == (("theirs", True) if mends else ("ours", False))
    assert tags_of(ticket).count(Tag.ACCOUNT_RECOVERY_MEND_BOUNCE) == mends
    assert not refusals(ticket)


def test_what_arrived_before_the_bounce_or_is_no_mail_of_the_challenge_mends_nothing(ada: User) -> None:
    ticket = make_ticket(ada)
    to_the_contact(ticket, "delivered")
    to_the_contact(ticket, "bounced")
    to_the_contact(ticket, "delivered", kind="recovery_reply")
    for _round in range(2):
        sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.contact_bounced_at is not None


def test_a_mended_contact_that_comes_back_again_is_our_turn_again(ada: User) -> None:
    ticket = make_ticket(ada)
    add_boundary(ticket)
    to_the_contact(ticket, "bounced")
    sweep.sweep()
    again = to_the_contact(ticket, "delivered")
    sweep.sweep()
    Mail.objects.filter(pk=again.pk).update(state="bounced")
    sweep.sweep()
    ticket.refresh_from_db()
    assert (ticket.turn, ticket.contact_bounced_at is not None) == ("ours", True)


def test_a_ticket_that_only_the_bounce_held_up_moves_on_when_it_is_mended(ada: User) -> None:
    ticket = make_ticket(ada, Status.READY)
    to_the_contact(ticket, "bounced")
    sweep.sweep()
    assert RecoveryTicket.objects.get().status == Status.CHALLENGED
    to_the_contact(ticket, "delivered")
    sweep.sweep()
    assert RecoveryTicket.objects.get().status == Status.READY


@pytest.mark.parametrize("stop", ["frozen", "owner signed in"])
def test_nothing_is_sent_again_while_the_ticket_is_stopped(ada: User, stop: str) -> None:
    ask()
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    if stop == "frozen":
        User.objects.filter(pk=ada.pk).update(frozen_at=Now(), frozen_by="owner")
    else:
        workflow.note_sign_in(ticket.pk, young=False)
    before = everything()
    for actor in (SYSTEM, claimant(notices.status_link(ticket)), staff(make_moderator("sid"))):
        with pytest.raises(errors.TicketBlocked):
            workflow.resend(ticket.pk, actor=actor)
    assert everything()["Mail"] == before["Mail"]
    ask()
    sweep.sweep()
    later = Mail.objects.filter(queued_at__gt=ticket.challenged_at, kind__startswith="recovery_challenge")
    assert not later.exclude(dedupe_key=notices.challenge_key(ticket)).exists()
    assert refusals(ticket)[-1]["error"] == "TicketBlocked"


def test_a_contact_whose_mail_came_back_may_be_sent_it_again(ada: User) -> None:
    ask()
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    workflow.note_bounce(ticket.pk)
    assert workflow.resend(ticket.pk, actor=SYSTEM).kind.startswith("recovery_challenge")


def test_a_request_that_joins_is_one_event_an_hour_with_its_network_apart(ada: User) -> None:
    for _again in range(4):
        ask()
        sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    joined = Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_JOIN)
    assert (joined.ticket, joined.data) == (ticket.pk, {"verb": "join", "claim": "second_factor", "source": "form"})
    assert EventDetail.objects.get(event_id=joined.pk).network == "192.0.2.1"


@pytest.mark.parametrize("act", [partial(notes.add_note, text="seen"), assignment.take_ticket], ids=["note", "take"])
def test_a_refused_note_or_take_is_an_event(ada: User, act: Callable[..., Any]) -> None:
    ticket = make_ticket(ada)
    with pytest.raises(errors.NotAllowed):
        act(ticket.pk, actor=staff(factories.make_user("auditor", staff=True)))
    assert [one["error"] for one in refusals(ticket)] == ["NotAllowed"]


def test_a_ticket_whose_account_is_unfrozen_moves_on_by_itself(ada: User) -> None:
    ticket = make_ticket(ada, Status.WAITING)
    RecoveryTicket.objects.update(wait_until=Now())
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason="looked odd to us")
    sweep.sweep()
    ticket.refresh_from_db()
    assert (ticket.status, ticket.turn) == (Status.CHALLENGED, "ours")
    services.unfreeze(ada, actor="system", reason="it was the owner")
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.READY


def test_the_later_of_two_tickets_waits_until_the_first_is_out_of_the_way(ada: User) -> None:
    first = make_ticket(ada, Status.WAITING, contact="ada@elsewhere.example")
    second = make_ticket(ada, mailbox_confirmed_at=database_now(), wait_until=database_now() + HOUR)
    sweep.sweep()
    second.refresh_from_db()
    assert second.status == Status.CHALLENGED
    assert workflow.start_clock(second.pk).status == Status.CHALLENGED
    workflow.reject(first.pk, actor=staff(make_moderator()), reason=REASON)
    sweep.sweep()
    second.refresh_from_db()
    assert second.status == Status.WAITING


def test_many_silent_tickets_do_not_keep_a_clock_from_starting(ada: User) -> None:
    silent = factories.make_user("silent")
    factories.make_project("tool", silent)
    one = make_ticket(silent)
    RecoveryTicket.objects.bulk_create(
        RecoveryTicket(
            subject=silent, contact=f"{number}@example.org", claim=Claim.SECOND_FACTOR, source=Source.FORM,
            status=Status.CHALLENGED, turn="theirs", requested_at=one.requested_at, challenged_at=one.challenged_at,
            nonce="x", key_id=one.key_id, facts=one.facts,
        )
        for number in range(leases.BATCH + 5)
    )  # fmt: skip
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    ticket.boundaries.update(next_probe_at=None)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until is not None


# Many workers --------------------------------------------------------------------------------------------------------


def at_once(work: Callable[[], Any], many: int = 8) -> None:
    barrier = threading.Barrier(many)

    def run() -> None:
        try:
            barrier.wait()
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_at_once_do_each_thing_once(ada: User) -> None:
    for number in range(12):
        user = factories.make_user(f"user{number}")
        factories.add_totp(user)
        ask(user.username)
        ask(user.username)
    at_once(sweep.sweep)
    sweep.sweep()
    assert not Request.objects.filter(handled_at=None).exists()
    assert RecoveryTicket.objects.count() == 12
    assert set(RecoveryTicket.objects.values_list("status", flat=True)) == {Status.CHALLENGED}
    notices_sent = Mail.objects.filter(kind__startswith="recovery_challenge")
    assert notices_sent.count() == 12
    for tag in (Tag.ACCOUNT_RECOVERY_OPEN, Tag.ACCOUNT_RECOVERY_CHALLENGE, Tag.ACCOUNT_RECOVERY_WAIT_STARTED):
        assert Event.objects.filter(tag=tag).count() == 12


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sixteen_openings_at_once_are_one_ticket(ada: User) -> None:
    def open_one() -> None:
        workflow.open_ticket(subject=ada, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL)

    at_once(open_one, many=16)
    assert RecoveryTicket.objects.count() == 1
