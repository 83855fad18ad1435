"""What is younger than 30 days at the request, or came after it, neither helps a thief nor keeps the owner out."""

from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.db.models import F
from django.test import Client

from accounts import services
from accounts.models import FormerAddress, TotpDevice, User
from accounts.sessions import SIGN_IN
from audit import log
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import services as projects
from recoverydesk.recovery import policy
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import BoundaryException, OtherProof, RecoveryTicket, Status
from tests.helpers import decided, factories
from tests.helpers.attacker import admins_reset, ask, confirm, days_pass, letters, mailed, offer, push, ticket
from tests.helpers.tickets import age_factors, as_staff, make_admin, make_moderator
from tokens import services as tokens
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def without_repository(db: None) -> User:
    """An owner of one project that names no repository."""
    user = factories.make_user("ada")
    factories.add_totp(user)
    factories.make_project("tool", user)
    return age_factors(user)


def invite(name: str, user: User) -> None:
    """A stranger's project, and an invitation to it that nobody asked for."""
    stranger = User.objects.filter(username="troll").first() or factories.make_user("troll")
    bait = factories.make_project(name, stranger, urls=[("Source", f"https://github.com/{name}/bait")])
    projects.add_role(user, bait, "maintainer", actor=stranger)


def accept_without_proof(namespace: str) -> None:
    """Two members of staff accept one boundary that nobody can serve."""
    row = ticket().boundaries.get(namespace=namespace)
    asks = {"other_proof": BoundaryException.OtherProof.DEAD_HOST, "reason": "the host is gone for good"}
    decided.ask_exception(row.ticket_id, actor=as_staff(make_moderator()), boundary_id=row.pk, **asks)
    yes = "looked at it, the host is gone"
    decided.approve_exception(row.ticket_id, actor=as_staff(make_admin("olga")), boundary_id=row.pk, reason=yes)


@pytest.mark.parametrize("invitations", [1, 4])
def test_a_strangers_invitations_do_not_send_a_ready_ticket_back(ada: User, invitations: int) -> None:
    ask()
    confirm()
    push()
    days_pass(4)
    assert ticket().status == Status.READY
    for number in range(invitations):
        invite(f"bait{number}", ada)
    outcome = admins_reset()
    assert outcome is not None
    assert not outcome.sent_back
    assert ticket().status == Status.COMPLETED


def test_an_invitation_with_a_forgotten_password_keeps_no_owner_out(without_repository: User) -> None:
    invite("bait", without_repository)
    days_pass(2)
    ask()
    confirm()
    days_pass(7.1)
    assert ticket().status == Status.READY
    assert admins_reset() is not None


def test_an_owner_with_one_dead_boundary_and_nothing_else_waits_long_and_gets_back(ada: User) -> None:
    """Nothing is bound to the account and nothing is proved: the longest wait and two people, not never."""
    ask()
    confirm()
    accept_without_proof("ada")
    days_pass(14.1)
    assert ticket().status == Status.WAITING
    days_pass(16)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is None
    assert admins_reset("anna", "rosa") is not None


def test_a_password_that_the_mailbox_set_during_the_request_is_not_bound_to_the_account(ada: User) -> None:
    phrase = "chosen with the mailbox alone"
    ask()
    confirm()
    services.choose_password(ada, phrase, actor=ada)
    ada.refresh_from_db()
    offer("password", phrase)
    assert not cases.read_case(ticket(), database_now()).account_proof


OFFERS = ["password", "api_token", "factor", "device"]


def offered(kind: str, ada: User, days: float) -> bool:
    """Whether what the account has since so many days before the request is bound to it."""
    made = database_now() - timedelta(days=days)
    secret, client = "", Client()
    if kind == "password":
        secret = factories.PASSWORD
        event = log.record(Tag.ACCOUNT_PASSWORD_CHANGE, actor=ada, subject=ada)
        RecoveryTicket.objects.update(requested_at=event.time + timedelta(days=days))
    elif kind == "api_token":
        secret = tokens.mint(ada, name="ci", lifetime=timedelta(days=90)).text
        ApiToken.objects.update(created_at=made)
    elif kind == "factor":
        device, key = factories.add_totp(ada, "tablet")
        TotpDevice.objects.filter(pk=device.pk).update(created_at=made)
        secret = factories.code(key)
    else:
        client.force_login(ada)
        session = client.session
        session[SIGN_IN] = {"uid": str(uuid4()), "at": made.isoformat(), "network": "", "device": ""}
        session.save()
    offer(kind, secret, client=client)
    return cases.read_case(ticket(), database_now()).account_proof


@pytest.mark.parametrize("kind", OFFERS)
def test_only_what_is_older_than_thirty_days_is_bound_to_the_account(ada: User, kind: str) -> None:
    ask()
    assert not offered(kind, ada, days=-0.01 if kind == "device" else 29.9)
    assert not OtherProof.objects.exists()


@pytest.mark.parametrize("kind", OFFERS)
def test_what_is_older_than_thirty_days_is_bound_to_the_account(ada: User, kind: str) -> None:
    ask()
    RecoveryTicket.objects.update(requested_at=database_now())
    assert offered(kind, ada, days=0.01 if kind == "device" else 30.1)


def test_every_proof_bound_to_the_account_has_an_age() -> None:
    assert set(OFFERS) == set(OtherProof.BOUND)


def test_a_primary_address_of_last_week_waits_as_if_no_repository_spoke(ada: User) -> None:
    log.record(Tag.ACCOUNT_EMAIL_VERIFIED, actor=ada, subject=ada, address="ada@example.org")
    ask()
    assert policy.doubt(cases.read_case(ticket(), database_now())) == 2


# A thief changes the address first, and loses the factor afterwards ---------------------------------------------------


def change_address(user: User, *, keep: bool) -> str:
    """The thief's own address is verified and made the primary one; the owner's is kept beside it, or removed."""
    EmailAddress.objects.filter(user=user).update(primary=False)
    if not keep:
        FormerAddress.objects.create(user=user, email=user.email)
        EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email="mal@evil.example", verified=True, primary=True)
    User.objects.filter(pk=user.pk).update(email="mal@evil.example")
    log.record(Tag.ACCOUNT_EMAIL_VERIFIED, actor=user, subject=user, address="mal@evil.example")
    return "mal@evil.example"


@pytest.mark.parametrize("keep", [True, False])
def test_who_changed_the_address_first_waits_and_the_owner_hears(ada: User, keep: bool) -> None:
    mailbox = change_address(ada, keep=keep)
    ask()
    assert policy.doubt(case()) == 2
    assert mailed("ada@example.org", "stop")
    confirm(mailbox)
    push()
    days_pass(6.9)
    assert ticket().status == Status.WAITING


def test_a_removed_address_hears_of_the_whole_request(ada: User) -> None:
    """Removed 29 days before the request, it hears of the reset a week later as well."""
    mailbox = change_address(ada, keep=False)
    FormerAddress.objects.update(removed_at=F("removed_at") - timedelta(days=29))
    ask()
    confirm(mailbox)
    push()
    days_pass(7.1)
    FormerAddress.objects.update(removed_at=F("removed_at") - timedelta(days=7.1))
    before = len(letters("ada@example.org"))
    assert admins_reset() is not None
    sweep.sweep()
    assert len(letters("ada@example.org")) > before


def test_an_old_address_made_the_primary_one_is_young(ada: User) -> None:
    """A mailbox that was forgotten beside the account, and is the thief's today."""
    EmailAddress.objects.filter(user=ada).update(primary=False)
    EmailAddress.objects.create(user=ada, email="forgotten@example.net", verified=True, primary=True)
    log.record(Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE, actor=ada, subject=ada, address="forgotten@example.net")
    ask()
    assert policy.doubt(case()) == 2


def test_a_young_address_waits_without_any_project_too(db: None) -> None:
    user = factories.make_user("ada")
    factories.add_totp(user)
    ask()
    assert policy.doubt(case()) == 0
    log.record(Tag.ACCOUNT_EMAIL_VERIFIED, actor=user, subject=user, address=user.email)
    RecoveryTicket.objects.all().delete()
    ask()
    assert policy.doubt(case()) == 2
    confirm()
    days_pass(6.9)
    assert ticket().status == Status.WAITING


def case() -> policy.Case:
    return cases.read_case(ticket(), database_now())
