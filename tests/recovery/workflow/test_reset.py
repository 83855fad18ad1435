"""The reset: all of design rule 8 in one transaction, or nothing; and who may not reset."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import addresses, second_factors
from accounts.decisions import ConfirmationNeeded
from accounts.devices import RecoveryCode, TotpDevice
from accounts.mail import links
from accounts.mail.models import Link, Mail
from accounts.models import RecoveryCodeDevice, Session, User
from audit import log
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.models import Claim, OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.workflow.seen_pages import Seen
from tests.helpers import decided, factories
from tests.helpers.meanwhile import at_once as together
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_address,
    add_boundary,
    as_staff,
    everything,
    make_admin,
    make_moderator,
    make_ticket,
    status_link,
    stop_link,
)
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(ada: User) -> User:
    """She has two apps and codes."""
    factories.add_totp(ada, "tablet")
    factories.add_codes(ada)
    return ada


@pytest.fixture
def ready(ada: User) -> RecoveryTicket:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


def reset(ticket: RecoveryTicket, by: User | None = None, **keywords: Any) -> workflow.Outcome:
    return decided.reset(ticket.pk, actor=as_staff(by or make_admin()), reason=REASON, **keywords)


def all_that_may_change() -> dict[str, Any]:
    models = (TotpDevice, RecoveryCodeDevice, RecoveryCode, Session, ApiToken, Event)
    rows = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
    return rows | everything()


def test_everything_of_the_account_is_gone_at_once(ada: User, ready: RecoveryTicket, client: Client) -> None:
    tokens = [ApiToken.objects.create(user=ada, name=name) for name in ("ci", "laptop")]
    other = ApiToken.objects.create(user=factories.make_user("kim"), name="kim's")
    client.force_login(ada)
    hers = status_link(ready)
    outcome = reset(ready)
    assert outcome.removed == second_factors.ResetCounts(totp=2, webauthn=0, codes=8, sessions=1)
    assert outcome.tokens_held == 2
    ada.refresh_from_db()
    assert not TotpDevice.objects.filter(user=ada).exists()
    assert not RecoveryCodeDevice.objects.filter(user=ada).exists()
    assert not ada.has_usable_password()
    assert not Session.objects.filter(user=ada).exists()
    assert client.get("/account/security/").status_code == 302
    assert all(ApiToken.objects.get(pk=token.pk).held_at for token in tokens)
    assert ApiToken.objects.get(pk=other.pk).held_at is None
    assert ada.quarantined_at is not None
    assert ada.quarantine_until is None
    with pytest.raises(links.BadLink):
        links.resolve(links.key(hers), "status")


def subject_of(claim: Claim, ada: User) -> User:
    """Whom a claim can be true of: ada, or kim, who has an app and whose address is not verified any more."""
    return ada if claim not in UNVERIFIED else factories.make_unverified_with_app("kim")


@pytest.mark.parametrize("claim", list(Claim))
def test_live_tokens_are_held_whatever_was_lost_but_an_address_never_verified(ada: User, claim: Claim) -> None:
    subject = subject_of(claim, ada)
    tokens = [ApiToken.objects.create(user=subject, name=name) for name in ("ci", "laptop")]
    outcome = reset(ready_for(subject, claim))
    held = claim != Claim.UNVERIFIED_EMAIL
    assert [ApiToken.objects.get(pk=token.pk).held_at is not None for token in tokens] == [held, held]
    assert outcome.tokens_held == 2 * held
    assert Event.objects.filter(tag=Tag.ACCOUNT_API_TOKEN_HELD).count() == held


@pytest.mark.parametrize("claim", list(Claim))
def test_factors_end_with_the_claims_that_lost_them_and_passwords_with_all_but_one(ada: User, claim: Claim) -> None:
    subject = subject_of(claim, ada)
    reset(ready_for(subject, claim))
    subject.refresh_from_db()
    assert second_factors.has_primary_factor(subject) == (claim in (Claim.EMAIL, Claim.UNVERIFIED_EMAIL))
    assert subject.has_usable_password() == (claim == Claim.UNVERIFIED_EMAIL)
    assert subject.quarantined_at is not None
    primary = addresses.primary(subject)
    assert primary == (f"{subject.username}@example.org" if claim not in NEW_CONTACT else "new@example.org")


UNVERIFIED = (Claim.UNVERIFIED_EMAIL, Claim.UNVERIFIED_AND_FACTOR)
NEW_CONTACT = (Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR)


def ready_for(subject: User, claim: Claim) -> RecoveryTicket:
    """A ticket of that claim with all its proof, and the second person's yes where one is asked."""
    contact = "new@example.org" if claim in NEW_CONTACT else f"{subject.username}@example.org"
    ticket = make_ticket(subject, Status.READY, claim=claim, contact=contact)
    if claim in NEW_CONTACT:
        factories.make_project("tool", subject)
        add_boundary(ticket, proved=True)
        OtherProof.objects.create(ticket=ticket, kind=OtherProof.Kind.PASSWORD)
    if claim in NEW_CONTACT:
        decided.approve(ticket.pk, actor=as_staff(make_admin("anna")), reason=REASON)
    return ticket


def test_every_part_of_the_reset_is_written_down_under_the_ticket(ada: User, ready: RecoveryTicket) -> None:
    ApiToken.objects.create(user=ada, name="ci")
    admin = make_admin()
    reset(ready, admin)
    written = Event.objects.filter(ticket=ready.pk)
    for tag in (
        Tag.ACCOUNT_TWO_FACTOR_RESET, Tag.ACCOUNT_PASSWORD_DISABLED, Tag.ACCOUNT_SESSION_END,
        Tag.ACCOUNT_QUARANTINE_ENTER, Tag.ACCOUNT_API_TOKEN_HELD, Tag.ACCOUNT_RECOVERY_RESET,
    ):  # fmt: skip
        event = written.get(tag=tag)
        assert (event.actor_name, event.subject_name, event.data["reason"]) == ("grace", "ada", REASON)


def test_every_address_and_co_owner_hears_and_only_the_contact_gets_the_link(ada: User, ready: RecoveryTicket) -> None:
    add_address(ada, "ada@elsewhere.example")
    add_address(ada, "never@verified.example", verified=False)
    ada.former_addresses.create(email="ada@former.example")
    kim = factories.make_user("kim")
    factories.add_role(ada.roles.get().project, kim)
    reset(ready)
    told = Mail.objects.filter(reference=ready.reference)
    by_kind = {kind: sorted(told.filter(kind=kind).values_list("recipient", flat=True)) for kind in
               ("recovery_reset", "recovery_choose_password", "recovery_co_owner_reset")}  # fmt: skip
    assert by_kind == {
        "recovery_reset": ["ada@elsewhere.example", "ada@former.example"],
        "recovery_choose_password": ["ada@example.org"],
        "recovery_co_owner_reset": ["kim@example.org"],
    }
    stops = Link.objects.filter(reference=ready.reference, purpose="stop")
    assert sorted(stops.values_list("recipient", flat=True)) == [
        "ada@elsewhere.example", "ada@example.org", "ada@former.example",
    ]  # fmt: skip


EVENTS_OF_A_RESET = 6


@pytest.mark.parametrize("fails_at", range(EVENTS_OF_A_RESET))
def test_an_event_that_cannot_be_written_undoes_all_of_it(
    ada: User, ready: RecoveryTicket, monkeypatch: pytest.MonkeyPatch, client: Client, fails_at: int
) -> None:
    ApiToken.objects.create(user=ada, name="ci")
    client.force_login(ada)
    admin = make_admin()
    before, written = all_that_may_change(), []
    insert = log._insert

    def fail(event: Event) -> None:
        written.append(event.tag)
        if len(written) > fails_at:
            raise RuntimeError("the log is full")
        insert(event)

    monkeypatch.setattr(log, "_insert", fail)
    with pytest.raises(RuntimeError, match="the log is full"):
        reset(ready, admin)
    assert len(written) == fails_at + 1
    assert all_that_may_change() == before


def test_a_reset_writes_as_many_events_as_were_made_to_fail(ada: User, ready: RecoveryTicket) -> None:
    ApiToken.objects.create(user=ada, name="ci")
    reset(ready)
    assert Event.objects.filter(ticket=ready.pk).count() == EVENTS_OF_A_RESET


def test_other_open_tickets_of_the_account_are_closed_and_told(ada: User, ready: RecoveryTicket) -> None:
    other = make_ticket(ada, Status.CHALLENGED, contact="ada@elsewhere.example", mailbox_confirmed_at=database_now())
    unknown = make_ticket(ada, Status.CHALLENGED, contact="eve@elsewhere.example")
    foreign = make_ticket(factories.make_user("kim"))
    add_boundary(other)
    link = status_link(other)
    reset(ready)
    other.refresh_from_db()
    foreign.refresh_from_db()
    assert (other.status, foreign.status) == (Status.REJECTED, Status.CHALLENGED)
    assert str(ready.pk) in other.closing_reason
    assert Mail.objects.filter(reference=other.reference, kind="recovery_closed", recipient=other.contact).exists()
    assert not Mail.objects.filter(reference=unknown.reference, recipient=unknown.contact).exists()
    with pytest.raises(links.BadLink):
        links.resolve(links.key(link), "status")


# Who may not ---------------------------------------------------------------------------------------------------------


def refused(ticket: RecoveryTicket, error: type[errors.RecoveryError], **keywords: Any) -> None:
    """The reset is refused by that name, changes nothing and is one event."""
    before, events = everything(), Event.objects.count()
    with pytest.raises(errors.RecoveryError) as caught:
        decided.reset(ticket.pk, **{"reason": REASON} | keywords)
    assert caught.type is error
    assert everything() == before
    assert Event.objects.count() == events + 1


def test_a_moderator_may_not(ready: RecoveryTicket) -> None:
    refused(ready, errors.NotAllowed, actor=as_staff(make_moderator()))


def test_nobody_may_without_a_second_factor_shown_for_it(ready: RecoveryTicket) -> None:
    for user in (make_admin(), factories.make_user("root", superuser=True)):
        before = all_that_may_change()
        with pytest.raises(ConfirmationNeeded):
            workflow.reset(ready.pk, actor=permissions.staff(user), reason=REASON)
        assert all_that_may_change() == before


def test_a_co_owner_may_not_superuser_or_not(ada: User, ready: RecoveryTicket) -> None:
    for admin in (make_admin(), factories.make_user("root", superuser=True)):
        factories.add_role(ada.roles.get().project, admin)
        refused(ready, errors.CoOwnedTicket, actor=as_staff(admin))


def test_a_fellow_maintainer_who_owns_nothing_with_the_subject_may(ada: User, ready: RecoveryTicket) -> None:
    admin = make_admin()
    factories.add_role(ada.roles.get().project, admin, kind="maintainer")
    factories.add_role(factories.make_project("compiler", admin), factories.make_user("kim"))
    assert reset(ready, admin).removed is not None


@pytest.mark.parametrize("reason", ["", "short", "         ", " a b   c  d ", "\n" * 40])
def test_a_reason_must_say_something(ready: RecoveryTicket, reason: str) -> None:
    refused(ready, errors.ReasonTooShort, actor=as_staff(make_admin()), reason=reason)


def test_a_page_that_was_shown_before_a_change_is_stale(ready: RecoveryTicket) -> None:
    admin = make_admin()
    refused(ready, errors.StaleTicket, actor=as_staff(admin), seen=Seen(ready.version + 1))
    assert reset(ready, admin).removed is not None


def test_reset_without_projects_opens_accounts_without_projects_and_no_others(ada: User) -> None:
    helper = make_moderator()
    factories.grant(helper, "reset_without_projects")
    assert reset(make_ticket(ada, Status.READY), helper).removed is not None
    kim = factories.make_user("kim")
    factories.make_project("tool", kim)
    refused(make_ticket(kim, Status.READY), errors.NotAllowed, actor=as_staff(helper))
    lee = factories.make_user("lee")
    factories.add_role(factories.make_project("other"), lee, accepted=False)
    assert reset(make_ticket(lee, Status.READY), helper).removed is not None  # nobody's invitation is a project


def test_a_staff_subject_needs_a_superusers_approval(ada: User, ready: RecoveryTicket) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    RecoveryTicket.objects.update(doubt=3)
    refused(ready, errors.ApprovalMissing, actor=as_staff(make_admin()))


@pytest.mark.parametrize("change", [{"signed_in_at": DAY}, {"contact_bounced_at": DAY}])
def test_what_blocks_a_ready_ticket_sends_it_back_instead(ready: RecoveryTicket, change: dict[str, Any]) -> None:
    RecoveryTicket.objects.update(**dict.fromkeys(change, ready.opened_at))
    outcome = reset(ready)
    assert (outcome.sent_back, outcome.removed) == (True, None)
    assert outcome.ticket.status == Status.CHALLENGED
    assert TotpDevice.objects.count() == 2
    assert Event.objects.filter(ticket=ready.pk, tag=Tag.ACCOUNT_RECOVERY_SEND_BACK).count() == 1


def test_a_frozen_account_is_not_reset(ada: User, ready: RecoveryTicket) -> None:
    User.objects.filter(pk=ada.pk).update(frozen_at=ready.opened_at, frozen_by="staff")
    assert reset(ready).sent_back
    assert TotpDevice.objects.count() == 2


def test_a_second_reset_is_refused(ready: RecoveryTicket) -> None:
    admin = make_admin()
    reset(ready, admin)
    refused(ready, errors.InvalidTransition, actor=as_staff(admin))


# What was under way --------------------------------------------------------------------------------------------------


def test_a_sign_in_that_waited_for_its_second_factor_is_over(ada: User, ready: RecoveryTicket, client: Client) -> None:
    TotpDevice.objects.all().delete()
    secret = factories.add_totp(ada)[1]
    answer = client.post("/account/login/", {"login": "ada", "password": factories.PASSWORD})
    assert answer["Location"] == "/account/second-factor/"
    reset(ready)
    answer = client.post("/account/second-factor/", {"code": factories.code(secret)})
    assert "_auth_user_id" not in client.session
    assert client.get("/account/security/").status_code == 302


def test_a_stop_link_of_before_still_objects_afterwards(ada: User, ready: RecoveryTicket, client: Client) -> None:
    before = stop_link(ready)
    reset(ready)
    workflow.object_after_reset(ready.pk, actor=permissions.address_holder(before))
    ada.refresh_from_db()
    assert (ada.frozen_at is not None, ada.frozen_by) == (True, "owner")


def test_a_mailed_password_key_of_before_opens_nothing(ada: User, ready: RecoveryTicket, client: Client) -> None:
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    key = f"/account/password/reset/key/{user_pk_to_url_str(ada)}-{default_token_generator.make_token(ada)}/"
    reset(ready)
    page = client.get(key, follow=True)
    assert "password1" not in page.content.decode()


# At once -------------------------------------------------------------------------------------------------------------


def at_once(work: Callable[[int], Any], many: int) -> list[Any]:
    """Run the work in threads that start together; returns answers and refusals."""

    def answer(number: int) -> Any:
        try:
            return work(number)
        except errors.RecoveryError as refusal:
            return type(refusal).__name__

    return together(answer, many)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_admins_at_once_reset_once(ada: User, ready: RecoveryTicket) -> None:
    admins = [as_staff(make_admin(f"admin{number}")) for number in range(8)]
    answers = at_once(lambda number: decided.reset(ready.pk, actor=admins[number], reason=REASON).sent_back, 8)
    assert sorted(map(str, answers)) == ["False", *["InvalidTransition"] * 7]
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_RESET).count() == 1
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_REFUSED).count() == 7
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_a_stop_and_a_reset_at_once_one_wins(ada: User, ready: RecoveryTicket) -> None:
    admin, owner = as_staff(make_admin()), permissions.address_holder(stop_link(ready))
    resets: list[Callable[[], Any]] = [
        lambda: decided.reset(ready.pk, actor=admin, reason=REASON).ticket.status,
        lambda: workflow.stop(ready.pk, actor=owner).status,
    ]
    answers = at_once(lambda number: resets[number](), 2)
    ready.refresh_from_db()
    assert sorted(map(str, answers)) == sorted(["InvalidTransition", str(ready.status)])
    assert TotpDevice.objects.exists() == (ready.status == Status.STOPPED)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_ready_verbs_of_two_tickets_of_one_account_do_not_lock_each_other_out(ada: User) -> None:
    tickets = [make_ticket(ada, contact=f"{number}@example.org") for number in range(6)]
    answers = at_once(lambda number: workflow.note_sign_in(tickets[number].pk, young=False).pk, 6)
    assert sorted(answers) == [ticket.pk for ticket in tickets]
