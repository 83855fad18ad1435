"""`check_invariants` finds every rule that is broken on purpose, names it and the row; a true story breaks none."""

import io
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from accounts.mail import outbox
from accounts.mail.models import Link, Mail
from accounts.models import Session, User
from audit import triggers
from audit.log import record
from audit.tags import Tag
from common import leases
from recoverydesk.invariants import rules
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.publishers.models import Publisher
from recoverydesk.recovery import permissions, workflow
from recoverydesk.recovery.background import chores, intake
from recoverydesk.recovery.models import (
    Approval,
    Boundary,
    BoundaryException,
    Claim,
    CodeHost,
    Probe,
    RecoveryTicket,
    Source,
    Status,
)
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.staging.models import StagedFile, StagedRelease
from tests.helpers import decided, factories
from tests.helpers.tickets import DAY, REASON, add_address, as_staff, make_admin, result_of
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def ada(ada: User) -> User:
    """An owner with factors, a token, two verified addresses and a project at git.example."""
    add_address(ada, "second@example.org")
    factories.add_codes(ada)
    ApiToken.objects.create(user=ada, name="ci")
    factories.make_project("tool", ada, urls=[("Source", "https://github.com/ada/tool")])
    return ada


def waiting_for(user: User) -> RecoveryTicket:
    """A ticket whose only boundary is proved, through the verbs."""
    ticket = workflow.open_ticket(subject=user, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.FORM).ticket
    workflow.challenge(ticket.pk, actor=SYSTEM)
    outbox.send_due()
    link = Link.objects.get(reference=ticket.reference, purpose="status")
    workflow.confirm_mailbox(ticket.pk, actor=permissions.claimant(link))
    (boundary,) = leases.claim(ticket.boundaries.all(), limit=1)
    workflow.record_probe(ticket.pk, boundary.pk, lease=boundary.lease, results=[result_of(boundary, Verdict.FOUND)])
    return workflow.start_clock(ticket.pk)


@pytest.fixture
def done(ada: User) -> RecoveryTicket:
    """The same ticket after the wait and the reset."""
    ticket = waiting_for(ada)
    Mail.objects.filter(reference=ticket.reference).update(settled_at=Now() - 2 * DAY)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=Now() - HOUR)
    workflow.wait_over(ticket.pk)
    outcome = decided.reset(ticket.pk, actor=as_staff(make_admin()), reason=REASON)
    outbox.send_due()
    return outcome.ticket


@pytest.fixture
def from_the_shell(ada: User) -> RecoveryTicket:
    """What an operator reset without evidence."""
    ticket = workflow.break_glass(ada, reason="the only admin lost the phone").ticket
    outbox.send_due()
    return ticket


def found() -> set[str]:
    return {one.rule for one in rules.check_rules()}


def test_a_true_story_breaks_no_rule(done: RecoveryTicket) -> None:
    assert done.status == Status.COMPLETED
    assert list(rules.check_rules()) == []


def test_a_ticket_whose_mails_and_looks_had_their_days_breaks_no_rule(done: RecoveryTicket, settings: Any) -> None:
    settings.KEEP_MAILS = settings.KEEP_PROBES = timedelta(0)
    call_command("purge", stdout=io.StringIO())
    assert not Mail.objects.filter(reference=done.reference).exists()
    RecoveryTicket.objects.update(mails_deleted_at=Now() + 91 * DAY, looks_deleted_at=Now() + 91 * DAY)
    assert list(rules.check_rules()) == []


def test_a_ticket_on_its_way_breaks_no_rule(ada: User) -> None:
    waiting_for(ada)
    assert list(rules.check_rules()) == []


def test_a_reset_from_the_shell_breaks_no_rule(from_the_shell: RecoveryTicket) -> None:
    assert list(rules.check_rules()) == []


def ticket_row(**fields: object) -> Callable[[RecoveryTicket], object]:
    return lambda ticket: RecoveryTicket.objects.filter(pk=ticket.pk).update(**fields)


def take_the_proof_away(ticket: RecoveryTicket) -> None:
    ticket.boundaries.update(proof=None, proved_at=None)


def prove_with_the_look_at_another(ticket: RecoveryTicket) -> None:
    other = Boundary.objects.create(ticket=ticket, host="github.com", namespace="else", kind=Boundary.Kind.YOUNG)
    Probe.objects.update(boundary=other)


def prove_elsewhere(ticket: RecoveryTicket) -> None:
    Probe.objects.update(url="https://git.example/mallory/tool")


def prove_with_a_miss(ticket: RecoveryTicket) -> None:
    Probe.objects.update(verdict=Verdict.MISSING)


def reset_by_co_owner(ticket: RecoveryTicket) -> None:
    role = ticket.subject.roles.get()
    assert ticket.reset_by is not None
    factories.add_role(role.project, ticket.reset_by)


def sessions_from_before(ticket: RecoveryTicket) -> None:
    Session.objects.create(
        session_key="k" * 32, user=ticket.subject, expire_date=Now() + DAY, uid=uuid.uuid4(), signed_in_at=Now() - DAY
    )


def a_factor_from_before(ticket: RecoveryTicket) -> None:
    device = factories.add_totp(ticket.subject)[0]
    type(device).objects.filter(pk=device.pk).update(created_at=Now() - DAY)


def codes_from_before(ticket: RecoveryTicket) -> None:
    factories.add_totp(ticket.subject)
    factories.add_codes(ticket.subject)
    ticket.subject.recoverycodedevice_set.update(created_at=Now() - DAY)


def a_token_woken_by_nobody(ticket: RecoveryTicket) -> None:
    ApiToken.objects.update(held_at=None, created_at=F("created_at") - DAY)


def a_publisher_kept_by_nobody(ticket: RecoveryTicket) -> None:
    project = Project.objects.first() or factories.make_project("glass", ticket.subject)
    Publisher.objects.create(
        project=project, issuer="https://ci.example", key="k", added_by=ticket.subject, created_at=Now() - DAY
    )


def a_rest_of_another_ticket(ticket: RecoveryTicket) -> None:
    Role.objects.update(held_at=Now(), held_for=ticket.pk + 1)


def a_rest_without_a_beginning(ticket: RecoveryTicket) -> None:
    Role.objects.update(held_for=ticket.pk)


def a_resting_invitation(ticket: RecoveryTicket) -> None:
    Role.objects.update(held_at=Now(), held_for=ticket.pk, accepted_at=None)


def a_second_reset(ticket: RecoveryTicket) -> None:
    record(Tag.ACCOUNT_RECOVERY_RESET, actor=ticket.reset_by or "system", subject=ticket.subject, ticket=ticket.pk)


def a_move_from_nowhere(ticket: RecoveryTicket) -> None:
    record(
        Tag.ACCOUNT_RECOVERY_EXPIRE,
        actor="system",
        subject=ticket.subject,
        ticket=ticket.pk,
        was="ready",
        status="expired",
    )


def a_status_nobody_wrote_down(ticket: RecoveryTicket) -> None:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(status=Status.REJECTED, completed_at=None, reset_by=None)


def a_ticket_from_nowhere(ticket: RecoveryTicket) -> None:
    ticket.pk = None
    ticket.save(force_insert=True)


def an_operator_nobody_else_knows_of(ticket: RecoveryTicket) -> None:
    operator, reason = "operator", "the only admin lost the phone"
    record(Tag.ACCOUNT_RECOVERY_BREAK_GLASS, actor=operator, subject=ticket.subject, ticket=ticket.pk, reason=reason)


def a_reset_passed_off_as_the_operators(ticket: RecoveryTicket) -> None:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(broke_glass=True, reset_by=None)


def mail_row(kind: str, **fields: object) -> Callable[[RecoveryTicket], object]:
    return lambda ticket: Mail.objects.filter(kind=kind).update(**fields)


def an_address_nobody_told(ticket: RecoveryTicket) -> None:
    Mail.objects.filter(kind="recovery_notice", recipient="second@example.org").delete()


def one_reset_notice_short(ticket: RecoveryTicket) -> None:
    Mail.objects.filter(kind="recovery_reset", recipient="second@example.org").delete()


def the_same_notice_again(ticket: RecoveryTicket) -> None:
    mail = Mail.objects.filter(kind="recovery_notice").first()
    assert mail is not None
    outbox.queue(mail.kind, mail.recipient, user=ticket.subject, reference=mail.reference, dedupe="again")


def the_contact_loses_its_verification(ticket: RecoveryTicket) -> None:
    EmailAddress.objects.filter(email=ticket.contact).update(verified=False)


def a_link_that_lives_on(ticket: RecoveryTicket) -> None:
    Link.objects.filter(purpose="status").update(dead_at=None)


def two_links_to_choose_with(ticket: RecoveryTicket) -> None:
    link = Link.objects.get(purpose="choose_password")
    link.pk = None
    link.save(force_insert=True)


def a_lease_for_an_hour(ticket: RecoveryTicket) -> None:
    CodeHost.objects.create(
        host="git.example", origin="https://git.example", lease=uuid.uuid4(), leased_until=Now() + HOUR
    )


def a_ticket_nobody_gets_past(ticket: RecoveryTicket) -> None:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(
        status=Status.WAITING, completed_at=None, reset_by=None, closed_at=None, lease=uuid.uuid4(),
        leased_until=Now() - HOUR,
    )  # fmt: skip


def a_lease_without_an_end(ticket: RecoveryTicket) -> None:
    Mail.objects.update(lease=uuid.uuid4())


def due_work_nobody_gets_past(ticket: RecoveryTicket) -> None:
    Mail.objects.filter(kind="recovery_reset").update(
        state="queued", lease=uuid.uuid4(), leased_until=Now() - HOUR, next_try=Now() - HOUR
    )


def an_exception_by_its_asker(ticket: RecoveryTicket) -> None:
    assert ticket.reset_by is not None
    BoundaryException.objects.create(
        boundary=ticket.boundaries.get(), other_proof="other", reason=REASON, asked_by=ticket.reset_by, approved=True,
        decided_by=make_admin("otto"), decided_at=Now(),
    )  # fmt: skip


def an_approval_by_who_reset(ticket: RecoveryTicket) -> None:
    ticket.doubt = 3
    ticket.save()
    assert ticket.reset_by is not None
    Approval.objects.create(ticket=ticket, by=ticket.reset_by, reason=REASON, given_at=ticket.requested_at)


def a_dead_approval(ticket: RecoveryTicket) -> None:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(disputed_at=ticket.requested_at)
    given = {"reason": REASON, "given_at": ticket.requested_at, "dead_at": ticket.requested_at}
    Approval.objects.create(ticket=ticket, by=make_admin("otto"), **given)


def drop_trigger(trigger: triggers.Trigger) -> None:
    table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger.name}{table}")


def a_guard_nobody_wrote_down(ticket: RecoveryTicket) -> None:
    Project.objects.update(guards={"token_days": "30"})


def a_guard_event(level: str, old: str, tag: Tag = Tag.PROJECT_GUARD_CHANGE) -> None:
    record(tag, actor="system", project=Project.objects.get(), guard="token_days", value=level, old=old)
    Project.objects.update(guards={"token_days": level})


def a_level_there_is_not(ticket: RecoveryTicket) -> None:
    a_guard_event("3", "off")


def a_guard_taken_off_by_hand(ticket: RecoveryTicket) -> None:
    a_guard_event("30", "off")
    Project.objects.update(guards={})


def a_guard_off_within_minutes(ticket: RecoveryTicket) -> None:
    a_guard_event("30", "off")
    a_guard_event("off", "30", Tag.PROJECT_GUARD_ASK)
    a_guard_event("off", "30")


def no_trigger(ticket: RecoveryTicket) -> None:
    drop_trigger(triggers.TRIGGERS[connection.vendor][0])


def a_file(ticket: RecoveryTicket, **fields: Any) -> None:
    release = StagedRelease.objects.create(project=Project.objects.all()[0], version="9", opened_by=uuid.uuid4())
    given = {"filename": "x", "packagetype": "sdist", "size": 1, "sha256": "0" * 64, "stored_as": "staged/1/x"} | fields
    StagedFile.objects.create(release=release, stager=ticket.subject, token=uuid.uuid4(), event=1, **given)


def a_staged_file_nobody_waits_for(ticket: RecoveryTicket) -> None:
    a_file(ticket, live=False)


def a_staged_file_in_the_index(ticket: RecoveryTicket) -> None:
    release = Release.objects.all()[0]
    facts = {"size": 1, "sha256": "0" * 64, "uploaded_at": release.uploaded_at, "stored_as": "staged/1/x"}
    File.objects.create(release=release, filename="x", packagetype="sdist", **facts)
    a_file(ticket)


BREAKS: list[tuple[str, Callable[[RecoveryTicket], object]]] = [
    ("approval_missing", ticket_row(doubt=3)),
    ("approval_missing", ticket_row(claim=Claim.EMAIL)),
    ("approval_missing", an_approval_by_who_reset),
    ("approval_missing", a_dead_approval),
    ("approval_missing", an_exception_by_its_asker),
    ("exception_by_one", an_exception_by_its_asker),
    ("account_proof_missing", ticket_row(claim=Claim.EMAIL)),
    ("boundary_without_proof", take_the_proof_away),
    ("proof_that_proves_nothing", prove_with_the_look_at_another),
    ("proof_that_proves_nothing", prove_elsewhere),
    ("proof_that_proves_nothing", prove_with_a_miss),
    ("mailbox_not_confirmed", ticket_row(mailbox_confirmed_at=None)),
    ("reset_before_its_time", ticket_row(wait_until=Now() + HOUR)),
    ("reset_before_its_time", ticket_row(wait_until=None)),
    ("clock_before_notices", mail_row("recovery_notice", settled_at=Now())),
    ("clock_before_notices", mail_row("recovery_notice", state="queued", settled_at=None)),
    ("clock_before_notices", mail_row("recovery_challenge", state="queued", settled_at=None)),
    ("reset_by_wrong_person", ticket_row(reset_by=F("subject"))),
    ("reset_by_wrong_person", reset_by_co_owner),
    ("factor_older_than_reset", a_factor_from_before),
    ("factor_older_than_reset", codes_from_before),
    ("session_older_than_reset", sessions_from_before),
    ("token_older_than_reset", a_token_woken_by_nobody),
    ("publisher_older_than_reset", a_publisher_kept_by_nobody),
    ("rest_without_reset", a_rest_of_another_ticket),
    ("rest_without_reset", a_rest_without_a_beginning),
    ("rest_without_reset", a_resting_invitation),
    ("link_of_the_closed", a_link_that_lives_on),
    ("link_of_the_closed", two_links_to_choose_with),
    ("status_without_event", a_move_from_nowhere),
    ("status_without_event", a_status_nobody_wrote_down),
    ("status_without_event", a_ticket_from_nowhere),
    ("not_one_reset", a_second_reset),
    ("not_one_reset", a_status_nobody_wrote_down),
    ("not_one_reset", ticket_row(reset_by=F("subject"))),
    ("broken_glass", an_operator_nobody_else_knows_of),
    ("broken_glass", a_reset_passed_off_as_the_operators),
    ("broken_glass", ticket_row(broke_glass=True)),
    ("notice_missing", an_address_nobody_told),
    ("notice_missing", one_reset_notice_short),
    ("notice_missing", mail_row("recovery_challenge", links={})),
    ("notice_missing", mail_row("recovery_choose_password", links={})),
    ("mails_gone_early", ticket_row(mails_deleted_at=Now())),
    ("mails_gone_early", ticket_row(looks_deleted_at=Now())),
    ("notice_twice", the_same_notice_again),
    ("secret_to_a_stranger", mail_row("recovery_challenge", recipient="mallory@example.org")),
    ("secret_to_a_stranger", mail_row("recovery_choose_password", recipient="second@example.org")),
    ("secret_to_a_stranger", the_contact_loses_its_verification),
    ("words_kept", mail_row("recovery_reset", payload=b"words")),
    ("lease_stuck", a_lease_for_an_hour),
    ("lease_stuck", a_lease_without_an_end),
    ("lease_stuck", due_work_nobody_gets_past),
    ("lease_stuck", a_ticket_nobody_gets_past),
    ("guard_missing", no_trigger),
    ("staged_and_over", a_staged_file_nobody_waits_for),
    ("staged_and_published", a_staged_file_in_the_index),
    ("guard_without_event", a_guard_nobody_wrote_down),
    ("guard_without_event", a_level_there_is_not),
    ("guard_without_event", a_guard_taken_off_by_hand),
    ("guard_before_its_time", a_guard_off_within_minutes),
]


@pytest.mark.parametrize(("rule", "spoil"), BREAKS, ids=[f"{rule}-{place}" for place, (rule, _) in enumerate(BREAKS)])
def test_each_rule_broken_on_purpose_is_found(
    done: RecoveryTicket, rule: str, spoil: Callable[[RecoveryTicket], object]
) -> None:
    spoil(done)
    assert rule in found()


@pytest.mark.thorough
def test_a_lease_that_does_not_end_is_found_in_whatever_table_it_is(done: RecoveryTicket) -> None:
    CodeHost.objects.create(host="git.example.org", origin="https://git.example.org")
    intake.note_request(username="ada", claim="second_factor", says_codes_lost=True, network="")
    chores.run_chores()
    for model in leases.Leased.__subclasses__():
        assert model._default_manager.update(lease=uuid.uuid4(), leased_until=Now() + HOUR), model
        assert "lease_stuck" in found(), model
        model._default_manager.update(lease=None, leased_until=Now())
        assert "lease_stuck" not in found(), model


GLASS: list[tuple[str, Callable[[RecoveryTicket], object]]] = [
    ("broken_glass", ticket_row(claim=Claim.EMAIL)),
    ("broken_glass", ticket_row(return_code_digest="")),
    ("notice_missing", one_reset_notice_short),
    ("notice_missing", mail_row("recovery_choose_password", links={})),
    ("secret_to_a_stranger", mail_row("recovery_choose_password", recipient="second@example.org")),
    ("factor_older_than_reset", a_factor_from_before),
    ("session_older_than_reset", sessions_from_before),
    ("token_older_than_reset", a_token_woken_by_nobody),
    ("publisher_older_than_reset", a_publisher_kept_by_nobody),
    ("not_one_reset", a_second_reset),
    ("not_one_reset", an_operator_nobody_else_knows_of),
]


@pytest.mark.parametrize(("rule", "spoil"), GLASS, ids=[f"{rule}-{place}" for place, (rule, _) in enumerate(GLASS)])
def test_a_reset_from_the_shell_is_asked_everything_but_evidence(
    from_the_shell: RecoveryTicket, rule: str, spoil: Callable[[RecoveryTicket], object]
) -> None:
    spoil(from_the_shell)
    assert rule in found()


def test_a_reset_by_nobody_is_found_where_the_constraint_is_gone(from_the_shell: RecoveryTicket) -> None:
    lift, put_back = "PRAGMA ignore_check_constraints = 1", "PRAGMA ignore_check_constraints = 0"
    if connection.vendor == "postgresql":
        name = "completed_has_its_time_and_person"
        lift = f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE recovery_recoveryticket DROP CONSTRAINT {name}"
        put_back = ""
    with connection.cursor() as cursor:
        cursor.execute(lift)
        RecoveryTicket.objects.update(broke_glass=False)
        if put_back:
            cursor.execute(put_back)
    assert "broken_glass" in found()


@pytest.mark.parametrize("trigger", triggers.TRIGGERS[connection.vendor], ids=lambda one: one.name)
def test_every_trigger_that_is_gone_is_named_and_the_command_says_4(db: None, trigger: triggers.Trigger) -> None:
    drop_trigger(trigger)
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", stdout=out, stderr=err)
    assert ended.value.code == 4
    assert err.getvalue() == f"guard_missing: trigger:{trigger.name}: is absent, altered or switched off\n"


@pytest.mark.postgres
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_no_delete",
        "ALTER TABLE audit_event ENABLE REPLICA TRIGGER audit_event_no_delete",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ],
)
def test_a_trigger_that_is_switched_off_or_emptied_is_found(db: None, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert "guard_missing" in found()


def test_two_open_tickets_are_found_where_the_constraints_are_gone(ada: User) -> None:
    first = waiting_for(ada)
    for constraint in RecoveryTicket._meta.constraints[:2]:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP INDEX "{constraint.name}"')
    first.pk = None
    first.save(force_insert=True)
    assert {"several_open", "guard_missing"} <= found()


def test_every_rule_is_broken_by_some_test() -> None:
    assert {rule.__name__ for rule in rules.RULES} == {rule for rule, _ in BREAKS} | {"several_open"}


def test_the_command_says_0_in_json_when_all_is_well(done: RecoveryTicket) -> None:
    out = io.StringIO()
    call_command("check_invariants", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["broken"] == []
    assert said["rules"] == [rule.__name__ for rule in rules.RULES]


def test_the_command_says_4_and_names_rule_and_row(done: RecoveryTicket) -> None:
    take_the_proof_away(done)
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", stdout=out, stderr=err)
    assert ended.value.code == 4
    boundary = done.boundaries.get()
    assert (
        f"boundary_without_proof: boundary:{boundary.pk}: #{done.pk} was reset without github.com/ada" in err.getvalue()
    )
    assert out.getvalue() == "30 rules checked, 1 rows break a rule\n"
