"""Exceptions, added boundaries, held roles, approvals, the unverified address, held tokens and the broken glass."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import TotpDevice, User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import services as projects
from recoverydesk.recovery import errors, notices, policy, wording, workflow
from recoverydesk.recovery.after_reset import held_roles, held_tokens
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, BoundaryException, Claim, OtherProof, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM, signed_in
from recoverydesk.recovery.workflow import resets
from tests.helpers import decided, factories
from tests.helpers.tickets import (
    DAY,
    REASON,
    acting,
    add_address,
    add_boundary,
    everything,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
    status_link,
)
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(ada: User) -> User:
    """She owns two projects."""
    factories.make_project("tool", ada)
    factories.make_project("other", ada)
    return ada


@pytest.fixture
def challenged(ada: User) -> RecoveryTicket:
    """One boundary proved, the other one out of reach."""
    ticket = make_ticket(ada, mailbox_confirmed_at=database_now() - DAY)
    add_boundary(ticket, "here", proved=True)
    lost = add_boundary(ticket, "gone")
    lost.repositories[0]["project"] = "other"
    lost.save()
    Mail.objects.create(
        kind="recovery_notice", recipient="ada@example.org", reference=ticket.reference, dedupe_key="notice",
        message_id="<1@x>", state="sent", settled_at=database_now() - 2 * DAY, language="en",
    )  # fmt: skip
    workflow.start_clock(ticket.pk)
    return ticket


def except_it(ticket: RecoveryTicket, asker: User, approver: User) -> None:
    lost = ticket.boundaries.get(namespace="gone")
    decided.ask_exception(
        ticket.pk, actor=acting(asker), boundary_id=lost.pk, other_proof="dead_host", reason="the host is gone for good"
    )
    decided.approve_exception(ticket.pk, actor=acting(approver), boundary_id=lost.pk, reason="I looked at it too")


def past(ticket: RecoveryTicket, days: float) -> None:
    span = timedelta(days=days)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=F("wait_until") - span)
    sweep.sweep()
    ticket.refresh_from_db()


def test_an_exception_waits_seven_days_and_takes_three_steps_of_two_people(challenged: RecoveryTicket) -> None:
    mod, grace, rosa = make_moderator(), make_admin("grace"), make_admin("rosa")
    decided.ask_exception(
        challenged.pk, actor=acting(mod), boundary_id=challenged.boundaries.get(namespace="gone").pk,
        other_proof="archived", reason=REASON,
    )  # fmt: skip
    challenged.refresh_from_db()
    assert (challenged.turn, challenged.status) == ("ours", Status.CHALLENGED)
    lost = challenged.boundaries.get(namespace="gone")
    with pytest.raises(errors.SamePerson):
        decided.approve_exception(challenged.pk, actor=acting(mod), boundary_id=lost.pk, reason=REASON)
    decided.approve_exception(challenged.pk, actor=acting(grace), boundary_id=lost.pk, reason=REASON)
    challenged.refresh_from_db()
    assert challenged.status == Status.WAITING
    assert challenged.mailbox_confirmed_at is not None
    assert challenged.wait_until == challenged.mailbox_confirmed_at + 7 * DAY
    past(challenged, 7)
    assert challenged.status == Status.READY
    with pytest.raises(errors.ApprovalMissing):
        decided.reset(challenged.pk, actor=acting(rosa), reason=REASON)
    decided.approve(challenged.pk, actor=acting(grace), reason=REASON)
    with pytest.raises(errors.SamePerson):
        decided.reset(challenged.pk, actor=acting(grace), reason=REASON)
    assert decided.reset(challenged.pk, actor=acting(rosa), reason=REASON).roles_held == 1


def test_who_asked_for_the_exception_never_resets(challenged: RecoveryTicket) -> None:
    grace, rosa = make_admin("grace"), make_admin("rosa")
    except_it(challenged, grace, rosa)
    past(challenged, 7)
    decided.approve(challenged.pk, actor=acting(rosa), reason=REASON)
    with pytest.raises(errors.SamePerson):
        decided.reset(challenged.pk, actor=acting(grace), reason=REASON)


def test_an_exception_alone_waits_thirty_days_and_with_a_password_seven(ada: User) -> None:
    ticket = make_ticket(ada, mailbox_confirmed_at=database_now() - 9 * DAY)
    add_boundary(ticket, "gone")
    except_it(ticket, make_moderator(), make_admin())
    assert policy.doubt(cases.read_case(ticket, database_now())) == 5
    OtherProof.objects.create(ticket=ticket, kind=OtherProof.Kind.PASSWORD)
    assert policy.doubt(cases.read_case(ticket, database_now())) == 3


def test_a_declined_exception_leaves_the_boundary_asked_for(challenged: RecoveryTicket) -> None:
    lost = challenged.boundaries.get(namespace="gone")
    asked: dict[str, Any] = {"boundary_id": lost.pk, "reason": REASON}
    decided.ask_exception(challenged.pk, actor=acting(make_moderator()), other_proof="other", **asked)
    decided.decline_exception(challenged.pk, actor=acting(make_admin()), **asked)
    challenged.refresh_from_db()
    assert (challenged.turn, challenged.status) == ("theirs", Status.CHALLENGED)
    decided.ask_exception(challenged.pk, actor=acting(make_moderator("mod2")), other_proof="other", **asked)
    assert BoundaryException.objects.count() == 2


def test_a_role_on_hold_cannot_act_until_another_owner_says_so(challenged: RecoveryTicket) -> None:
    ada = challenged.subject
    other = ada.roles.get(project__name="other").project
    kim = factories.make_user("kim")
    factories.add_role(other, kim)
    grace, rosa = make_admin("grace"), make_admin("rosa")
    except_it(challenged, make_moderator(), grace)
    past(challenged, 7)
    decided.approve(challenged.pk, actor=acting(grace), reason=REASON)
    decided.reset(challenged.pk, actor=acting(rosa), reason=REASON)
    role = ada.roles.get(project__name="other")
    assert (role.held_at is not None, ada.roles.get(project__name="tool").held_at) == (True, None)
    User.objects.filter(pk=ada.pk).update(quarantined_at=None)
    with pytest.raises(projects.NotProjectOwner):
        projects.add_role(factories.make_user("mal"), other, "owner", actor=User.objects.get(pk=ada.pk))
    for actor in (signed_in(kim), signed_in(ada, recent=True), signed_in(factories.make_user("eve"), recent=True)):
        with pytest.raises(errors.RecoveryError):
            held_roles.release(role.pk, actor=actor)
    held_roles.release(role.pk, actor=signed_in(kim, recent=True))
    role.refresh_from_db()
    assert role.held_at is None
    assert Event.objects.filter(tag=Tag.PROJECT_ROLE_RELEASE).count() == 1


def test_an_added_boundary_is_asked_for_and_shortens_nothing(ada: User) -> None:
    ticket = make_ticket(ada, mailbox_confirmed_at=database_now())
    status_link(ticket)
    url = "https://github.com/website/tool"
    workflow.add_boundary(ticket.pk, actor=acting(make_moderator()), url=url, reason="only the website names it")
    row = ticket.boundaries.get()
    assert (row.host, row.namespace, row.kind, row.next_probe_at is not None) == (
        "github.com",
        "website",
        "asked",
        True,
    )
    letter = Mail.objects.get(kind="recovery_challenge_added")
    assert (letter.recipient, Mail.objects.filter(kind__startswith="recovery_challenge").count()) == (ticket.contact, 1)
    with pytest.raises(errors.NotABoundary):
        workflow.add_boundary(ticket.pk, actor=acting(make_moderator("m2")), url="https://example.org/", reason=REASON)


def said_in(letter: Mail) -> str:
    return outbox.render(letter).text


def test_added_boundaries_come_with_the_same_branch_name_and_without_what_was_asked_before(ada: User) -> None:
    ticket = make_ticket(ada, mailbox_confirmed_at=database_now())
    add_boundary(ticket, "before")
    status_link(ticket)
    actor, url = acting(make_moderator()), "https://github.com/{}/tool"
    for place in ("one", "two"):
        workflow.add_boundary(ticket.pk, actor=actor, url=url.format(place), reason=REASON)
    first, second = Mail.objects.filter(kind="recovery_challenge_added").order_by("id")
    assert notices.token_of(ticket) in said_in(first)
    assert notices.token_of(ticket) in said_in(second)
    assert ("github.com/one" in said_in(first), "github.com/one" in said_in(second)) == (True, False)
    assert "git.example/before" not in said_in(first)
    masked = outbox.render(first, masked=True).text
    assert notices.token_of(ticket) not in masked
    assert "/recover/status/" not in masked
    again = workflow.resend(ticket.pk, actor=SYSTEM)
    assert all(place in said_in(again) for place in ("before", "github.com/one", "github.com/two"))
    assert notices.token_of(ticket) in said_in(again)


def test_what_staff_add_takes_none_of_the_claimants_three_a_day_and_holds_up_no_clock(ada: User) -> None:
    ticket = make_ticket(ada, mailbox_confirmed_at=database_now())
    status_link(ticket)
    for place in range(4):
        url = f"https://github.com/place{place}/tool"
        workflow.add_boundary(ticket.pk, actor=acting(make_moderator(f"m{place}")), url=url, reason=REASON)
    for _again in range(3):
        workflow.resend(ticket.pk, actor=SYSTEM)
    Mail.objects.create(
        kind="recovery_notice", recipient="ada@example.org", reference=ticket.reference, dedupe_key="notice",
        message_id="<1@x>", state="sent", settled_at=database_now() - DAY, language="en",
    )  # fmt: skip
    workflow.start_clock(ticket.pk)
    ticket.refresh_from_db()
    assert ticket.wait_until is not None


def test_a_contact_nobody_confirmed_hears_nothing_of_what_is_added(ada: User) -> None:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="new@elsewhere.example")
    workflow.add_boundary(ticket.pk, actor=acting(make_moderator()), url="https://github.com/one/tool", reason=REASON)
    fresh = make_ticket(factories.make_user("kim"), Status.NEW)
    workflow.add_boundary(fresh.pk, actor=acting(make_moderator("m2")), url="https://github.com/one/x", reason=REASON)
    assert not Mail.objects.exists()


def test_approvals_die_when_the_ticket_goes_back(ada: User) -> None:
    make_ticket(ada, Status.STOPPED, closed_at=database_now())
    ticket = make_ticket(ada, Status.READY)
    decided.approve(ticket.pk, actor=acting(make_admin()), reason=REASON)
    assert Approval.objects.get().dead_at is None
    workflow.dispute(ticket.pk, actor=acting(make_moderator()), reason=REASON)
    assert Approval.objects.get().dead_at is not None


def test_a_staff_account_needs_a_superusers_approval_and_loses_its_rights(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    ticket = make_ticket(User.objects.get(pk=ada.pk), Status.READY, doubt=3)
    with pytest.raises(errors.SuperuserNeeded):
        decided.approve(ticket.pk, actor=acting(make_admin("grace")), reason=REASON)
    decided.approve(ticket.pk, actor=acting(make_root()), reason=REASON)
    assert decided.reset(ticket.pk, actor=acting(make_admin("rosa")), reason=REASON).removed is not None
    ada.refresh_from_db()
    assert (ada.is_staff, ada.groups.count()) == (False, 0)


def test_an_unverified_address_is_verified_after_seven_days_and_nothing_else_changes(db: None) -> None:
    kim = factories.make_user("kim", verified=False)
    ticket = workflow.open_ticket(
        subject=kim, claim=Claim.UNVERIFIED_EMAIL, actor=SYSTEM, source=Source.FORM, contact="Kim@example.org"
    ).ticket
    sweep.sweep()
    sweep.sweep()
    (letter,) = [str(one.body) for one in mail.outbox]
    path = next(line for line in letter.splitlines() if "/recover/status/" in line).strip()
    Client().post(path.removeprefix("http://localhost:8000"), {"pushed": "1"})
    for _round in range(2):
        sweep.sweep()
    past(ticket, 7)
    assert ticket.status == Status.READY
    password = kim.password
    decided.reset(ticket.pk, actor=acting(make_admin()), reason=REASON)
    row, kim = kim.emailaddress_set.get(), User.objects.get(pk=kim.pk)
    assert (row.verified, row.primary, kim.password, kim.quarantined_at is not None) == (True, True, password, True)
    assert not Mail.objects.filter(kind="recovery_choose_password").exists()


def test_held_tokens_are_kept_or_revoked_on_one_page(ada: User) -> None:
    now = database_now()
    old = ApiToken.objects.create(user=ada, name="ci", created_at=now - 90 * DAY, last_used_at=now - DAY, held_at=now)
    new = ApiToken.objects.create(user=ada, name="new", created_at=now - DAY, last_used_at=now, held_at=now)
    unused = ApiToken.objects.create(user=ada, name="unused", created_at=now - 90 * DAY, held_at=now)
    assert {choice.token.name: choice.revoke for choice in held_tokens.choices(ada)} == {
        "ci": False,
        "new": True,
        "unused": True,
    }
    browser, secret = Client(), factories.add_totp(ada, "tablet")[1]
    browser.post("/account/login/", {"login": "ada", "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    page = browser.get("/account/tokens/held/").content.decode()
    assert page.count("checked") == 3
    wishes = {f"token-{old.pk}": "keep", f"token-{new.pk}": "revoke"}
    browser.post("/account/tokens/held/", wishes)
    for token in (old, new, unused):
        token.refresh_from_db()
    assert (old.held_at, new.revoked_at is not None, unused.held_at is not None) == (None, True, True)


def test_a_held_token_that_another_page_decided_about_meanwhile_is_said_and_stops_nothing(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [ApiToken.objects.create(user=ada, name=name, held_at=database_now()) for name in ("one", "two")]
    seen = held_tokens.choices(ada)
    ApiToken.objects.filter(pk=rows[0].pk).update(revoked_at=database_now())
    monkeypatch.setattr(held_tokens, "choices", lambda _user: seen)
    wishes = {f"token-{row.pk}": "keep" for row in rows}
    browser, secret = Client(), factories.add_totp(ada, "tablet")[1]
    browser.post("/account/login/", {"login": "ada", "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    page = browser.post("/account/tokens/held/", wishes, follow=True).content.decode()
    assert "1 kept, 0 revoked." in page
    assert "not on hold any more" in page
    rows[1].refresh_from_db()
    assert rows[1].held_at is None


def test_breaking_the_glass_resets_mails_everybody_and_prints_the_return_code(ada: User) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="ReasonTooShort"):
        call_command("break_glass", "ada", "--reason", "short")
    assert not RecoveryTicket.objects.exists()
    refused = Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_REFUSED)
    assert (refused.data, refused.actor_name) == ({"verb": "break_glass", "error": "ReasonTooShort"}, "operator")
    call_command("break_glass", "ADA", "--reason", "the only admin lost the phone", stdout=out)
    ticket = RecoveryTicket.objects.get()
    assert (ticket.status, ticket.reset_by, ticket.broke_glass) == (Status.COMPLETED, None, True)
    assert not TotpDevice.objects.filter(user=ada).exists()
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_BREAK_GLASS, actor_name="operator").count() == 1
    kinds = set(Mail.objects.filter(reference=ticket.reference).values_list("kind", flat=True))
    assert kinds == {"recovery_choose_password"}
    assert ticket.return_code_digest
    assert "Return code" in out.getvalue()


def test_breaking_the_glass_takes_over_the_open_ticket_of_a_lost_factor(ada: User) -> None:
    ticket = make_ticket(ada, contact="Ada@example.org")
    assert resets.break_glass(ada, reason=REASON).ticket.pk == ticket.pk
    assert RecoveryTicket.objects.get().status == Status.COMPLETED


@pytest.mark.parametrize("claim", [claim for claim in Claim if claim != Claim.SECOND_FACTOR])
def test_breaking_the_glass_takes_over_no_ticket_of_another_claim(ada: User, claim: Claim) -> None:
    make_ticket(ada, claim=claim)
    before = everything()
    with pytest.raises(errors.InvalidTransition):
        resets.break_glass(ada, reason=REASON)
    assert everything() == before


def test_breaking_the_glass_takes_over_neither_a_closed_ticket_nor_somebody_elses(ada: User) -> None:
    closed = make_ticket(ada, Status.WITHDRAWN)
    theirs = make_ticket(factories.make_user("kim"), contact="ada@example.org")
    assert resets.break_glass(ada, reason=REASON).ticket.pk not in (closed.pk, theirs.pk)
    theirs.refresh_from_db()
    assert theirs.status == Status.CHALLENGED


def test_the_policy_page_has_the_numbers_in_force(client: Client, settings: object, db: None) -> None:
    settings.RECOVERY_WAIT_NEW_CONTACT = timedelta(days=21)  # type: ignore[attr-defined]
    page = client.get("/recover/policy/").content.decode()
    assert "3 weeks" in page or "21 days" in page
    assert page.count('<th scope="row"><span class="narrow-only">Doubt </span>') == 6


# Approvals and what changed since ------------------------------------------------------------------------------------


def disputed(ticket: RecoveryTicket) -> None:
    workflow.dispute(ticket.pk, actor=acting(make_moderator("doubter")), reason=REASON)


def excepted(ticket: RecoveryTicket) -> None:
    except_it(ticket, make_moderator("asker"), make_admin("decider"))


def one_more_asked(ticket: RecoveryTicket) -> None:
    url = "https://github.com/website/tool"
    workflow.add_boundary(ticket.pk, actor=acting(make_moderator("reader")), url=url, reason=REASON)


@pytest.mark.parametrize("change", [disputed, excepted, one_more_asked])
def test_an_approval_of_a_challenged_ticket_dies_when_what_was_approved_changes(
    challenged: RecoveryTicket, change: Callable[[RecoveryTicket], None]
) -> None:
    make_ticket(challenged.subject, Status.STOPPED, closed_at=database_now())
    decided.approve(challenged.pk, actor=acting(make_admin()), reason=REASON)
    status_link(challenged)
    change(challenged)
    assert Approval.objects.get().dead_at is not None


def test_a_dispute_repeated_ends_no_approval_of_a_challenged_ticket(challenged: RecoveryTicket) -> None:
    disputed(challenged)
    decided.approve(challenged.pk, actor=acting(make_admin()), reason=REASON)
    workflow.dispute(challenged.pk, actor=acting(make_moderator()), reason=REASON)
    assert Approval.objects.get().dead_at is None


# A contact that the claim may not name any more ----------------------------------------------------------------------


def try_to_reset(ticket: RecoveryTicket) -> policy.Explanation:
    """A reset that sends back and changes no account; returns what the desk says afterwards."""
    admin, before = acting(make_admin()), everything()
    assert decided.reset(ticket.pk, actor=admin, reason=REASON).sent_back
    after = everything()
    assert all(after[name] == before[name] for name in ("User", "EmailAddress", "Link", "Mail"))
    ticket.refresh_from_db()
    assert (ticket.status, ticket.turn) == (Status.CHALLENGED, "ours")
    return policy.explain(cases.read_case(ticket, database_now()), database_now(), cases.numbers())


@pytest.mark.parametrize("change", ["another is verified", "it was removed"])
def test_an_address_never_verified_goes_back_when_the_addresses_changed(db: None, change: str) -> None:
    kim = factories.make_user("kim", verified=False)
    ticket = make_ticket(kim, Status.READY, claim=Claim.UNVERIFIED_EMAIL)
    if change == "another is verified":
        add_address(kim, "kim@second.example")
    else:
        kim.emailaddress_set.all().delete()
    said = try_to_reset(ticket)
    assert said.blocks == (policy.Block.CONTACT_CHANGED,)
    assert "Reject the ticket" in wording.said(said)
    assert not kim.emailaddress_set.filter(email="kim@example.org", verified=True).exists()


@pytest.mark.parametrize("change", ["another is primary", "it is not verified"])
def test_a_second_factor_goes_back_when_its_contact_is_not_the_verified_primary_address(ada: User, change: str) -> None:
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    if change == "another is primary":
        ada.emailaddress_set.update(primary=False)
        ada.emailaddress_set.create(email="ada@second.example", primary=True, verified=True)
    else:
        ada.emailaddress_set.update(verified=False)
    assert try_to_reset(ticket).blocks == (policy.Block.CONTACT_CHANGED,)
    ada.emailaddress_set.filter(email=ticket.contact).delete()
    ada.emailaddress_set.update(primary=False)
    ada.emailaddress_set.create(email=ticket.contact, primary=True, verified=True)
    assert workflow.start_clock(ticket.pk).status == Status.READY
