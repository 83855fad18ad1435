"""What is over goes after its days; what somebody may still need stays, however old it is."""

import io
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.mail import links
from accounts.mail.models import Link, Mail, Request
from accounts.models import Browser, Session, User
from audit.log import record
from audit.models import Event, EventDetail
from audit.tags import Tag
from recoverydesk.housekeeping import retention
from recoverydesk.projects.models import File, Release, RepositoryLink, Role
from recoverydesk.recovery.background import chores
from recoverydesk.recovery.models import Judgement, Probe, RecoveryTicket, Status, Viewer
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import factories
from tests.helpers.desk import browser, page
from tests.helpers.meanwhile import at_once
from tests.helpers.tickets import DAY, add_boundary, make_admin, make_ticket

pytestmark = pytest.mark.django_db
LONG_AGO = 400 * DAY
WITH_THE_TICKET = "with its ticket: what was asked, proved, written and decided"
STATE = "one row of what is, not of what was"
DECISIONS = {  # every table of ours with a date in it: what deletes its rows, or why they stay
    "audit.Event": "the log keeps its own rules: never",
    "audit.Seal": "the log keeps its own rules: never",
    "audit.Checkpoint": "the log keeps its own rules: never",
    "audit.Outlet": STATE,
    "accounts.Mail": "KEEP_MAILS_DAYS",
    "accounts.Link": "KEEP_MAILS_DAYS",
    "accounts.Request": "KEEP_REQUESTS_DAYS",
    "accounts.Session": "when it ends",
    "accounts.Browser": "KEEP_BROWSERS_DAYS",
    "accounts.User": "with the account; its row stays empty, as tickets and the log name it",
    "accounts.TotpDevice": "with the account, or a reset",
    "accounts.RecoveryCodeDevice": "with the account, or a reset",
    "accounts.RecoveryCode": "with its device",
    "accounts.FactorFailures": "with the account, or the next right answer",
    "accounts.FormerAddress": "with the account: invariants ask where a mail may have gone",
    "accounts.FieldKey": STATE,
    "tokens.ApiToken": "never, once used: the page of a release names the token that uploaded it",
    "projects.Project": "never: a registry's rows",
    "projects.Release": "never: a deleted one is a tombstone and its links are evidence",
    "projects.File": "never: a deleted one is a tombstone",
    "projects.RepositoryLink": "never: old links are the evidence",
    "projects.Role": STATE,
    "projects.GuardChange": STATE,
    "projects.MailInvitation": "7 days (mail_invitations.forget)",
    "projects.Incident": "never: who stopped which projects, and who lifted it",
    "staging.StagedRelease": "never: how a version came out",
    "staging.StagedFile": "never: how a version came out",
    "publishers.Publisher": STATE,
    "publishers.IssuerKeys": STATE,
    "publishers.UsedIdToken": "a day after it ran out (publishers.sweeping)",
    "recovery.RecoveryTicket": "never: policy asks for earlier ones, and owners years later",
    "recovery.Boundary": WITH_THE_TICKET,
    "recovery.Probe": "KEEP_PROBES_DAYS; a proof stays",
    "recovery.BoundaryException": WITH_THE_TICKET,
    "recovery.OtherProof": WITH_THE_TICKET,
    "recovery.Approval": WITH_THE_TICKET,
    "recovery.Entry": WITH_THE_TICKET,
    "recovery.Message": WITH_THE_TICKET,
    "recovery.Mention": WITH_THE_TICKET,
    "recovery.Viewer": "KEEP_PROBES_DAYS",
    "recovery.Heartbeat": STATE,
    "recovery.Chore": STATE,
    "recovery.ReplyTemplate": STATE,
    "recovery.CodeHost": "when nothing was asked there for long (code_hosts.learned.forget_unused)",
    "channels.IssueForm": "its words after CHANNELS_KEEP_DAYS",
    "channels.IncomingMail": "its words after CHANNELS_KEEP_DAYS",
    "channels.Unmatched": "CHANNELS_KEEP_DAYS",
    "operating.LastRun": STATE,
    "statistics.Figures": "one row; a month is forty bytes",
}


def test_every_table_with_a_date_has_a_decision() -> None:
    ours = ("recoverydesk.", "tokens.", "accounts.", "audit.")
    dated = {
        model._meta.label
        for model in apps.get_models()
        if model.__module__.startswith(ours)
        and any(isinstance(field, models.DateField) for field in model._meta.local_fields)
    }
    assert dated == set(DECISIONS)


def mail(reference: str = "", *, state: str = Mail.State.SENT, at: timedelta = LONG_AGO) -> Mail:
    left = None if state == Mail.State.QUEUED else Now() - at
    number = Mail.objects.count()
    return Mail.objects.create(
        kind="recovery_notice", recipient="ada@example.org", reference=reference, dedupe_key=f"{reference}:{number}",
        message_id=f"<{number}@x>", state=state, settled_at=left, queued_at=Now() - at,
    )  # fmt: skip


def old_ticket(
    user: User, status: str = Status.COMPLETED, *, ago: timedelta = LONG_AGO, **fields: Any
) -> RecoveryTicket:
    """A closed ticket with a mail, a used link, a look that proved and one that did not, and somebody who watched."""
    closed = {} if status == Status.CHALLENGED else {"closed_at": Now() - ago}
    ticket = make_ticket(user, status, **closed, **fields)
    mail(ticket.reference)
    link = links.make_link("status", ticket.contact, lifetime=DAY, user=user, reference=ticket.reference)
    Link.objects.filter(pk=link.pk).update(dead_at=Now())
    boundary = add_boundary(ticket, proved=True)
    Probe.objects.create(
        boundary=boundary, url="https://git.example/ada/tool", repository="tool", verdict=Verdict.MISSING
    )
    Viewer.objects.create(ticket=ticket, user=user)
    return ticket


def left(ticket: RecoveryTicket) -> tuple[int, int, int]:
    """Its mails, links and looks."""
    mails, made = (model.objects.filter(reference=ticket.reference).count() for model in (Mail, Link))
    return mails, made, Probe.objects.filter(boundary__ticket=ticket).count()


def test_after_its_days_a_closed_ticket_keeps_its_proofs_alone(ada: User) -> None:
    ticket = old_ticket(ada)
    young = old_ticket(factories.make_user("kim"), Status.STOPPED, ago=364 * DAY)
    assert chores.run_chores()["retention"] == 2  # its mails, its looks
    assert (left(ticket), left(young)) == ((0, 0, 1), (1, 1, 2))
    assert ticket.boundaries.get().proof is not None
    assert not ticket.viewers.exists()
    ticket.refresh_from_db()
    assert None not in (ticket.mails_deleted_at, ticket.looks_deleted_at)
    assert retention.run() == 0


def a_rest(ticket: RecoveryTicket) -> None:
    project = factories.make_project("tool", ticket.subject)
    Role.objects.filter(project=project).update(held_at=Now(), held_for=ticket.pk)


def row(**fields: Any) -> Callable[[RecoveryTicket], object]:
    return lambda ticket: RecoveryTicket.objects.filter(pk=ticket.pk).update(**fields)


NEEDED: dict[str, tuple[Status, Callable[[RecoveryTicket], object]]] = {
    "an open ticket": (Status.CHALLENGED, row(opened_at=Now() - LONG_AGO)),
    "closed lately": (Status.STOPPED, row(closed_at=Now() - 364 * DAY)),
    "an objection nobody settled": (Status.COMPLETED, row(objected_at=Now() - LONG_AGO)),
    "an objection settled lately": (
        Status.COMPLETED,
        row(objected_at=Now() - LONG_AGO, objection_settled_at=Now() - DAY, objection_outcome=Judgement.RIGHT),
    ),
    "a role that rests": (Status.COMPLETED, a_rest),
    "a mail that waits": (Status.REJECTED, lambda ticket: mail(ticket.reference, state=Mail.State.QUEUED)),
}


@pytest.mark.parametrize("why", list(NEEDED))
def test_nothing_goes_that_somebody_may_need(ada: User, why: str) -> None:
    status, happens = NEEDED[why]
    ticket = old_ticket(ada, status)
    happens(ticket)
    before = left(ticket)
    call_command("purge", stdout=io.StringIO())
    assert left(ticket) == before


def test_a_settled_objection_has_its_days_too(ada: User) -> None:
    long_ago = Now() - LONG_AGO
    ticket = old_ticket(ada, objected_at=long_ago, objection_settled_at=long_ago, objection_outcome=Judgement.WRONG)
    retention.run()
    assert left(ticket) == (0, 0, 1)


def test_the_shortest_days_leave_a_status_page_whole(ada: User, settings: Any) -> None:
    settings.KEEP_MAILS = settings.KEEP_PROBES = timedelta(days=settings.STATUS_PAGES)
    shown = old_ticket(ada, Status.WITHDRAWN, ago=90 * DAY - timedelta(minutes=1))
    over = old_ticket(factories.make_user("kim"), Status.WITHDRAWN, ago=91 * DAY)
    retention.run()
    assert (left(shown), left(over)) == ((1, 1, 2), (0, 0, 1))


def test_log_and_evidence_are_not_touched(ada: User) -> None:
    ticket = old_ticket(ada)
    factories.make_project("tool", ada, urls=[("Source", "https://git.example/ada/tool")])
    Release.objects.update(deleted_at=Now() - LONG_AGO)
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=ada, subject=ada)
    tables = (Event, EventDetail, Release, File, RepositoryLink, RecoveryTicket)
    before = [list(table._base_manager.order_by("pk").values_list("pk", flat=True)) for table in tables]
    call_command("purge", stdout=io.StringIO())
    assert left(ticket) == (0, 0, 1)
    assert [list(table._base_manager.order_by("pk").values_list("pk", flat=True)) for table in tables] == before


def test_other_mails_go_by_the_day_they_left(ada: User) -> None:
    old, young, waits = mail("project:x"), mail(at=DAY), mail(state=Mail.State.QUEUED)
    of_open = mail(make_ticket(ada).reference)
    assert retention.run() == 1
    assert set(Mail.objects.values_list("pk", flat=True)) == {young.pk, waits.pk, of_open.pk}
    assert old.pk not in (young.pk, waits.pk)


def test_a_bit_that_is_cut_off_is_as_if_it_had_not_begun(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = old_ticket(ada)

    def cut_off(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Link.objects, "filter", cut_off)  # its mails are deleted by then
        with pytest.raises(KeyboardInterrupt):
            retention.delete_ticket_mails()
    assert left(ticket) == (1, 1, 2)
    assert retention.delete_ticket_mails() == 1


def test_the_sweeps_bit_costs_little_and_less_with_nothing_to_do(ada: User, django_assert_num_queries: Any) -> None:
    old_ticket(ada)
    retention.run()
    with django_assert_num_queries(3 + 2 * 2):  # one question each, and the savepoints of two transactions
        assert retention.run() == 0
    for number in range(20):
        old_ticket(factories.make_user(f"u{number}"), Status.STOPPED)
    with django_assert_num_queries(6):
        assert retention.delete_ticket_mails() == 20
    with django_assert_num_queries(8):
        assert retention.delete_looks() == 20


def test_a_round_takes_no_more_than_its_bit(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BATCH", "MAILS"):
        monkeypatch.setattr(retention, name, 2)
    tickets = [old_ticket(ada, Status.STOPPED, contact=f"{number}@example.org") for number in range(3)]
    others = [mail("project:x") for _ in range(3)]
    assert retention.run() == 2 + 2 + 2
    assert retention.run() == 1 + 1 + 1
    assert [left(ticket) for ticket in tickets] == [(0, 0, 1)] * 3
    assert not Mail.objects.filter(pk__in=[one.pk for one in others]).exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_ticket_that_somebody_holds_is_passed_by(ada: User) -> None:
    held = old_ticket(ada, Status.STOPPED)
    free = old_ticket(factories.make_user("kim"), Status.STOPPED)
    with transaction.atomic():
        RecoveryTicket.objects.select_for_update().get(pk=held.pk)
        assert at_once(lambda _number: retention.delete_ticket_mails(), many=1) == [1]
    assert (left(held)[0], left(free)[0]) == (1, 0)


@pytest.mark.postgres
def test_each_question_has_its_index(ada: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    plans = [due()[:50].explain() for due in (retention.with_mails, retention.with_looks, retention.other_mails)]
    names = ("ticket_with_mails", "ticket_with_looks", "mail_of_no_ticket")
    assert [name in plan for name, plan in zip(names, plans, strict=True)] == [True] * 3, plans


def purge(*words: str) -> str:
    out = io.StringIO()
    call_command("purge", *words, stdout=out)
    return out.getvalue()


def old_rows(user: User) -> None:
    old_ticket(user)
    mail("project:x")
    Request.objects.create(kind=Request.Kind.RECOVERY, payload=b"", handled_at=Now() - 2 * DAY)
    Session.objects.create(session_key="x", session_data="", expire_date=timezone.now() - DAY)
    Browser.objects.create(user=user, digest="x", last_seen=Now() - LONG_AGO)


COUNTED = "mails: 2\nlinks: 1\nprobes: 1\nrequests: 1\nsessions: 1\nbrowsers: 1\n"


def test_a_dry_run_counts_and_deletes_nothing(ada: User) -> None:
    old_rows(ada)
    assert purge("--dry-run") == f"{COUNTED}Nothing was deleted.\n"
    assert purge("--dry-run") == f"{COUNTED}Nothing was deleted.\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_the_command_deletes_all_and_finds_nothing_the_second_time(
    ada: User, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    old_rows(ada)
    assert purge() == f"{COUNTED}6 tickets and rows of no ticket worked.\n"
    nothing = "".join(f"{line.split(':')[0]}: 0\n" for line in COUNTED.splitlines())
    assert purge() == f"{nothing}Nothing is past its time.\n"


def test_the_ticket_says_what_was_deleted_and_stands(ada: User) -> None:
    ticket = old_ticket(ada)
    retention.run()
    shown = browser(make_admin("mira")).get(page(ticket)).content.decode()
    assert "deleted the mails of this closed ticket, as their days were over" in shown
    assert "deleted the checks that proved nothing, as their days were over" in shown
