"""A security key shown on the status page: bound to the account, the ticket and the moment, and it signs nobody in."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_otp_webauthn.models import WebAuthnCredential

from accounts import webauthn
from accounts.devices import TotpDevice
from accounts.models import Session, User
from audit.models import Event
from recoverydesk.recovery.models import Claim, OtherProof, RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.attacker import account
from tests.helpers.authenticator import UP, Authenticator, give_key
from tests.helpers.links import path
from tests.helpers.signing_in import code_of
from tests.helpers.tickets import age_factors, make_ticket, refusals, status_link, stop_link

pytestmark = pytest.mark.django_db
WRONG = b"This does not match the account."
RIGHT = b"This proof matches the account."


@pytest.fixture
def owner(db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return age_factors(user)


@pytest.fixture
def key(owner: User) -> Authenticator:
    made = give_key(owner)
    age_factors(owner)
    return made


@pytest.fixture
def ticket(owner: User) -> RecoveryTicket:
    """A lost address: the new contact is confirmed, and something bound to the account is missing."""
    new = {"claim": Claim.EMAIL, "contact": "ada@new.example"}
    made = make_ticket(owner, **new)
    RecoveryTicket.objects.update(mailbox_confirmed_at=made.requested_at)
    return made


def page_of(ticket: RecoveryTicket) -> str:
    return path(status_link(ticket))


def ask(browser: Client, page: str) -> dict[str, Any]:
    """What the page's script gets before it asks the key."""
    answer = browser.post(f"{page}key/", {"purpose": "recovery"})
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def show(browser: Client, page: str, answer: str) -> bytes:
    return bytes(browser.post(page, {"credential": answer}, follow=True).content)


def proofs(ticket: RecoveryTicket) -> list[str]:
    return list(ticket.other_proofs.values_list("kind", flat=True))


def failures(ticket: RecoveryTicket) -> int:
    return RecoveryTicket.objects.get(pk=ticket.pk).proof_failures


def test_a_remaining_key_is_a_proof_bound_to_the_account(
    owner: User, key: Authenticator, ticket: RecoveryTicket
) -> None:
    before, browser, page = account(owner), Client(), page_of(ticket)
    assert RIGHT in show(browser, page, key.get(ask(browser, page)))
    assert proofs(ticket) == [OtherProof.Kind.FACTOR]
    assert failures(ticket) == 0
    assert WebAuthnCredential.objects.get().sign_count == 1
    assert account(owner) == before
    assert Event.objects.filter(tag="account:recovery:other_proof", data__kind="factor").count() == 1


def test_it_signs_nobody_in_and_steps_nobody_up(owner: User, key: Authenticator, ticket: RecoveryTicket) -> None:
    browser, page = Client(), page_of(ticket)
    show(browser, page, key.get(ask(browser, page)))
    assert set(browser.session.keys()) <= {"_messages"}
    assert not Session.objects.exclude(user=None).exists()
    assert "/account/login/" in browser.get("/account/security/")["Location"]
    assert not Event.objects.filter(tag__startswith="account:login").exists()
    assert RecoveryTicket.objects.get().signed_in_at is None


def test_a_contact_nobody_knew_is_not_told_which_keys_there_are(
    owner: User, key: Authenticator, ticket: RecoveryTicket
) -> None:
    options = ask(Client(), page_of(ticket))
    assert options.get("allowCredentials", []) == []
    bare = factories.make_user("kim")
    other = make_ticket(bare, claim=Claim.EMAIL, contact="kim@new.example")
    other_options = ask(Client(), page_of(other))
    unlike = {"challenge"}
    assert {k: v for k, v in options.items() if k not in unlike} == {
        k: v for k, v in other_options.items() if k not in unlike
    }


def test_the_mailbox_of_the_account_is_told_so_that_old_keys_answer_too(owner: User, key: Authenticator) -> None:
    browser, page = Client(), page_of(make_ticket(owner))
    options = ask(browser, page)
    assert len(options["allowCredentials"]) == 1
    key.handle, key.flags = b"", UP
    assert RIGHT in show(browser, page, key.get(options))


def test_the_key_of_another_account_proves_nothing(owner: User, key: Authenticator, ticket: RecoveryTicket) -> None:
    stranger = give_key(factories.make_user("mallory"))
    browser, page = Client(), page_of(ticket)
    assert WRONG in show(browser, page, stranger.get(ask(browser, page)))
    assert (proofs(ticket), failures(ticket)) == ([], 1)
    assert [data["error"] for data in refusals(ticket)][-1] == "WrongProof"


def test_a_question_asked_for_another_ticket_of_the_same_account_answers_nothing(
    owner: User, key: Authenticator, ticket: RecoveryTicket
) -> None:
    other = make_ticket(owner, contact="ada@other.example", claim=Claim.EMAIL)
    browser = Client()
    answer = key.get(ask(browser, page_of(other)))
    assert WRONG in show(browser, page_of(ticket), answer)
    assert (proofs(ticket), failures(ticket)) == ([], 1)


@pytest.mark.parametrize("purpose", ["passkey", "second_factor", "step_up"])
def test_a_question_of_the_sign_in_pages_answers_nothing_here_nor_the_other_way_round(
    rf: Any, owner: User, key: Authenticator, purpose: webauthn.Purpose
) -> None:
    request = rf.post("/")
    request.session = Client().session
    pairs: list[tuple[webauthn.Purpose, str, webauthn.Purpose, str]] = [
        (purpose, "", "recovery", "ticket:1"), ("recovery", "ticket:1", purpose, ""), (purpose, "", "recovery", "")
    ]  # fmt: skip
    for asked, about, used, used_about in pairs:
        options = webauthn.begin_authentication(request, owner, asked, about=about)
        request.session.save()
        with pytest.raises(webauthn.KeyRefused, match="another question"):
            webauthn.authenticate(request, owner, used, key.get(options), about=used_about)


def test_the_answer_of_a_status_page_is_no_passkey(owner: User, key: Authenticator, ticket: RecoveryTicket) -> None:
    browser = Client()
    answer = key.get(ask(browser, page_of(ticket)))
    browser.post("/account/login/key/", {"credential": answer})
    assert "_auth_user_id" not in browser.session


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    owner: User, key: Authenticator, ticket: RecoveryTicket
) -> None:
    browser, page = Client(), page_of(ticket)
    answer = key.get(ask(browser, page))
    assert WRONG in show(Client(), page, answer)
    assert RIGHT in show(browser, page, answer)
    OtherProof.objects.all().delete()
    assert WRONG in show(browser, page, answer)
    assert (proofs(ticket), failures(ticket)) == ([], 2)


def test_an_answer_after_five_minutes_is_too_late(owner: User, key: Authenticator, ticket: RecoveryTicket) -> None:
    browser, page = Client(), page_of(ticket)
    answer = key.get(ask(browser, page))
    session = browser.session
    session[webauthn.STATE] = {**session[webauthn.STATE], "at": session[webauthn.STATE]["at"] - 301}
    session.save()
    assert WRONG in show(browser, page, answer)
    assert proofs(ticket) == []


@pytest.mark.parametrize(
    "false",
    [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"cross_origin": True}, {"counter": -1}],
    ids=lambda false: next(iter(false)),
)
def test_a_phished_or_cloned_answer_is_refused(
    owner: User, key: Authenticator, ticket: RecoveryTicket, false: dict[str, Any]
) -> None:
    WebAuthnCredential.objects.update(sign_count=7 if "counter" in false else 0)
    browser, page = Client(), page_of(ticket)
    for name, value in false.items():
        setattr(key, name, value)
    assert WRONG in show(browser, page, key.get(ask(browser, page)))
    assert (proofs(ticket), failures(ticket)) == ([], 1)


@pytest.mark.parametrize("answer", ["", "{", "[]", "null", json.dumps({"rawId": 7}), "9" * 70_000, '{"a":' * 5000])
def test_what_is_no_answer_is_a_wrong_try_and_no_error(owner: User, ticket: RecoveryTicket, answer: str) -> None:
    browser, page = Client(), page_of(ticket)
    ask(browser, page)
    assert WRONG in show(browser, page, answer)
    assert failures(ticket) == 1


def test_keys_passwords_and_codes_share_the_five_tries(owner: User, key: Authenticator, ticket: RecoveryTicket) -> None:
    browser, page = Client(), page_of(ticket)
    for _wrong in range(3):
        show(browser, page, "{}")
    for secret in ("wrong", "000000"):
        browser.post(page, {"proof": "1", "kind": "password", "secret": secret})
    assert failures(ticket) == 5
    assert browser.post(f"{page}key/", {"purpose": "recovery"}).status_code == 403
    assert b"Show my security key" not in browser.get(page).content
    assert b"too many wrong tries" in show(browser, page, key.get({"challenge": "AAAA"}))
    assert failures(ticket) == 5


@pytest.mark.parametrize("kind", ["password", "factor"])
@pytest.mark.thorough
def test_tries_beyond_the_five_cost_the_owner_none_of_their_own(owner: User, ticket: RecoveryTicket, kind: str) -> None:
    """Otherwise whoever holds a status link could shut the owner out of signing in, for as long as they like."""
    RecoveryTicket.objects.update(proof_failures=5)
    thief, page = Client(REMOTE_ADDR="198.51.100.9"), page_of(ticket)
    for _try in range(60):
        thief.post(page, {"proof": "1", "kind": kind, "secret": "000000"})
    device = TotpDevice.objects.get()
    browser = Client()
    browser.post("/account/login/", {"login": "ada", "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": code_of(device)})
    assert "_auth_user_id" in browser.session


@pytest.mark.parametrize("status", [Status.NEW, Status.WAITING, Status.READY, Status.COMPLETED, Status.REJECTED])
def test_nothing_is_asked_where_nothing_is_to_be_proved(owner: User, key: Authenticator, status: str) -> None:
    made = make_ticket(owner, status)
    assert Client().post(f"{page_of(made)}key/", {"purpose": "recovery"}).status_code == 403


def test_only_a_status_link_of_the_ticket_gets_a_question(owner: User, ticket: RecoveryTicket) -> None:
    good, stop = page_of(ticket), path(stop_link(ticket)).replace("/stop/", "/status/")
    assert Client().get(f"{good}key/").status_code == 403
    assert Client().post(f"{stop}key/").status_code == 404
    assert Client().post(f"{good[:-2]}x/key/").status_code == 404
    assert Client(enforce_csrf_checks=True).post(f"{good}key/").status_code == 403


def test_asking_takes_the_same_queries_whether_there_is_a_key_or_not(owner: User, ticket: RecoveryTicket) -> None:
    counts = []
    for _with_key in (False, True):
        browser, page = Client(), page_of(ticket)
        with CaptureQueriesContext(connection) as queries:
            ask(browser, page)
        counts.append(len(queries))
        give_key(owner)
    assert counts[0] == counts[1]
