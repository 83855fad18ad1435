"""What a case says of a ticket, at the edges: who has the contact, which exceptions, approvals and mails count."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.db.models import Exists

from accounts.mail.models import Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.models import Role
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, Boundary, BoundaryException, Claim, RecoveryTicket, Status
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import factories
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_address,
    add_boundary,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
)

pytestmark = pytest.mark.django_db
MOMENT = timedelta(microseconds=1)


def read(ticket: RecoveryTicket) -> policy.Case:
    return cases.read_case(RecoveryTicket.objects.select_related("subject").get(pk=ticket.pk), database_now())


# The contact ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contact", ["ada@example.org", "Ada@Example.ORG"])
def test_the_contact_is_the_primary_address_however_it_is_written(ada: User, contact: str) -> None:
    ticket = make_ticket(ada, contact=contact)
    assert not read(ticket).contact_changed
    EmailAddress.objects.filter(user=ada).update(primary=False)
    assert read(ticket).contact_changed


@pytest.mark.parametrize(
    ("claim", "verified", "taken"),
    [
        (Claim.EMAIL, True, True),
        (Claim.EMAIL_AND_SECOND_FACTOR, True, True),
        (Claim.EMAIL, False, False),
        (Claim.SECOND_FACTOR, True, False),
    ],
)
def test_a_new_contact_is_taken_once_another_account_has_verified_it(
    ada: User, claim: Claim, verified: bool, taken: bool
) -> None:
    ticket = make_ticket(ada, claim=claim, contact="New@example.org")
    add_address(ada, "new@example.org", verified=False)
    assert not read(ticket).contact_taken
    add_address(factories.make_user("mallory"), "new@example.org", verified=verified)
    assert read(ticket).contact_taken == taken


def test_an_address_never_verified_has_to_stay_on_file_and_alone(db: None) -> None:
    kim = factories.make_user("kim", verified=False)
    ticket = make_ticket(kim, claim=Claim.UNVERIFIED_EMAIL)
    assert not read(ticket).contact_changed
    other = add_address(kim, "other@example.org")
    assert read(ticket).contact_changed
    other.delete()
    EmailAddress.objects.filter(user=kim).update(email="gone@example.org")
    assert read(ticket).contact_changed


# What other tables say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "counts"), [(30 * DAY, True), (30 * DAY + MOMENT, False)])
def test_a_stop_counts_for_thirty_days_to_the_moment(ada: User, ago: timedelta, counts: bool) -> None:
    ticket, now = make_ticket(ada), database_now()
    for contact, closed in (("old@example.org", now - 90 * DAY), ("x@example.org", now - ago)):
        make_ticket(ada, Status.STOPPED, contact=contact, closed_at=closed)
    make_ticket(ada, Status.REJECTED, contact="y@example.org")
    assert cases.read_case(ticket, now).recently_stopped == counts


def test_only_an_accepted_role_is_a_project_to_take(ada: User) -> None:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada)
    assert read(ticket).has_projects
    RecoveryTicket.objects.update(facts=ticket.facts | {"projects": 0})
    Role.objects.update(accepted_at=None)
    assert not read(ticket).has_projects


def test_an_exception_counts_once_and_only_while_its_boundary_lacks_a_proof(ada: User) -> None:
    ticket = make_ticket(ada)
    row, asker, judge = add_boundary(ticket), make_moderator("asker"), make_moderator("judge")
    given = {"boundary": row, "other_proof": "archived", "reason": REASON, "asked_by": asker}
    BoundaryException.objects.create(approved=False, decided_by=judge, **given)
    assert (read(ticket).excepted, read(ticket).exceptions_asked) == (0, 0)
    again = BoundaryException.objects.create(**given)
    assert (read(ticket).excepted, read(ticket).exceptions_asked) == (0, 1)
    BoundaryException.objects.filter(pk=again.pk).update(approved=True, decided_by=judge)
    assert (read(ticket).excepted, read(ticket).all_served) == (1, True)
    Boundary.objects.filter(pk=row.pk).update(kind="retired")
    assert read(ticket).excepted == 0


def test_a_boundary_proved_later_needs_no_exception(ada: User) -> None:
    ticket = make_ticket(ada)
    row = add_boundary(ticket, proved=True)
    people = {"asked_by": make_moderator("asker"), "decided_by": make_moderator("judge")}
    BoundaryException.objects.create(boundary=row, other_proof="other", reason=REASON, approved=True, **people)
    assert (read(ticket).excepted, read(ticket).proved) == (0, 1)


@pytest.mark.parametrize(("ago", "failing"), [(DAY - timedelta(minutes=1), True), (DAY + timedelta(minutes=1), False)])
def test_a_host_fails_that_was_out_of_reach_within_a_day(ada: User, ago: timedelta, failing: bool) -> None:
    ticket = make_ticket(ada)
    add_boundary(ticket, last_verdict=Verdict.UNREACHABLE, last_probed_at=database_now() - ago)
    assert read(ticket).host_failing == failing


# Who approved --------------------------------------------------------------------------------------------------------


def _freeze(by: User, ticket: RecoveryTicket) -> None:
    User.objects.filter(pk=by.pk).update(frozen_at=database_now())


def _close(by: User, ticket: RecoveryTicket) -> None:
    User.objects.filter(pk=by.pk).update(is_active=False)


def _dismiss(by: User, ticket: RecoveryTicket) -> None:
    User.objects.filter(pk=by.pk).update(is_staff=False)


def _demote(by: User, ticket: RecoveryTicket) -> None:
    by.groups.set(Group.objects.filter(name="Moderators"))


def _befriend(by: User, ticket: RecoveryTicket) -> None:
    factories.add_role(factories.make_project("shared", ticket.subject), by)


def _promote_the_subject(by: User, ticket: RecoveryTicket) -> None:
    User.objects.filter(pk=ticket.subject_id).update(is_staff=True)


def _be_the_subject(by: User, ticket: RecoveryTicket) -> None:
    Approval.objects.update(by=ticket.subject)


def _end_it(by: User, ticket: RecoveryTicket) -> None:
    Approval.objects.update(dead_at=database_now())


@pytest.mark.parametrize(
    "becomes", [_freeze, _close, _dismiss, _demote, _befriend, _promote_the_subject, _be_the_subject, _end_it]
)
def test_only_an_approval_that_could_be_given_today_counts(
    db: None, becomes: Callable[[User, RecoveryTicket], None]
) -> None:
    subject, by = factories.make_user("kim"), make_admin()
    ticket = make_ticket(subject, Status.READY)
    assert not read(ticket).approved
    Approval.objects.create(ticket=ticket, by=by, reason=REASON)
    assert read(ticket).approved
    becomes(by, ticket)
    assert not read(ticket).approved
    Approval.objects.create(ticket=ticket, by=make_root(), reason=REASON)
    assert read(ticket).approved


# Mails ---------------------------------------------------------------------------------------------------------------


def mail(ticket: RecoveryTicket, kind: str, state: str, *, key: str = "", minutes: int = 5) -> Mail:
    settled = None if state == "queued" else database_now() - timedelta(minutes=minutes)
    name = key or f":{kind}:{Mail.objects.count()}"
    return Mail.objects.create(
        kind=kind, recipient="x@example.org", reference=ticket.reference, state=state, settled_at=settled,
        dedupe_key=f"{ticket.reference}{name}", message_id=f"<{Mail.objects.count()}@example.org>",
    )  # fmt: skip


def test_the_clock_waits_for_first_mails_and_every_notice_and_for_nothing_sent_again(ada: User) -> None:
    ticket, other = make_ticket(ada), make_ticket(factories.make_user("kim"))
    first = mail(ticket, "recovery_challenge", "sent", key=":challenge:0", minutes=9)
    notice = mail(ticket, "recovery_notice", "bounced", minutes=7)
    for kind, key in (("recovery_challenge", ":challenge:1"), ("recovery_challenge_added", ":added"), ("x", ":x")):
        mail(ticket, kind, "queued", key=key)
    mail(other, "recovery_notice", "queued")
    assert read(ticket).notices_settled_at == notice.settled_at
    assert ticket not in RecoveryTicket.objects.filter(Exists(cases.queued_mails()))
    for one in (first, notice):
        Mail.objects.filter(pk=one.pk).update(state="queued", settled_at=None)
        assert read(ticket).notices_settled_at is None
        assert ticket in RecoveryTicket.objects.filter(Exists(cases.queued_mails()))
        Mail.objects.filter(pk=one.pk).update(state="failed", settled_at=one.settled_at)


@pytest.mark.parametrize(
    ("states", "dead"),
    [([], False), (["bounced", "failed"], True), (["bounced", "sent"], False), (["failed", "queued"], False)],
)
def test_old_addresses_are_dead_when_every_notice_failed_for_good(ada: User, states: list[str], dead: bool) -> None:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="new@example.org")
    mail(ticket, "recovery_co_owner", "sent")
    for state in states:
        mail(ticket, "recovery_notice", state)
    assert read(ticket).old_addresses_dead == dead


def test_before_the_challenge_no_mail_settles_anything(ada: User) -> None:
    ticket = make_ticket(ada, Status.NEW)
    mail(ticket, "recovery_notice", "failed")
    assert (read(ticket).notices_settled_at, read(ticket).old_addresses_dead) == (None, False)
