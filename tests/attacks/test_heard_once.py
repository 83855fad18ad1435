"""Nobody hears twice the same: in one step no address gets two mails that report the same fact (docs/adr/0151).

The stories are every POST of `tests/attacks/mail_posts.py` and each claim from its request to the first sign-in. FACTS
says what each kind of mail reports; a new kind fails here until it has its line.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db.models import F, Max
from django.test import Client

from accounts import second_factors
from accounts.mail.models import Mail
from accounts.models import FormerAddress
from common.clock import database_now
from recoverydesk.projects.models import Role
from recoverydesk.recovery import policy, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Claim, OtherProof, Source, Status
from recoverydesk.recovery.permissions import SYSTEM, signed_in
from tests.attacks.mail_posts import SCENARIOS, World, make_world, work_it_off
from tests.helpers import factories
from tests.helpers.attacker import admins_reset, days_pass, mailed, push, ticket
from tests.helpers.factories import PASSWORD
from tests.helpers.files import ROOT
from tests.helpers.tickets import REASON, as_staff, make_moderator
from tests.helpers.tokens import mint

pytestmark = pytest.mark.django_db
REQUEST, RESET, CLOSED = "somebody asked to get in", "the account was recovered", "the request is over"
FACTS: dict[str, frozenset[str]] = {
    kind: frozenset(facts)
    for kind, facts in {
        "recovery_received": [REQUEST],
        "recovery_notice": [REQUEST],
        "recovery_challenge": [REQUEST, "create a branch"],
        "recovery_challenge_without_repositories": [REQUEST],
        "recovery_challenge_added": ["create a branch"],
        "recovery_confirm_contact": [REQUEST],
        "recovery_out_of_reach": [REQUEST],
        "recovery_status": ["the request is open"],
        "recovery_reminder": ["something is missing"],
        "recovery_progress": ["a branch was found"],
        "recovery_waiting": ["we wait"],
        "recovery_wait_over": ["the wait is over"],
        "recovery_still_ours": ["the request is open"],
        "recovery_reply": ["staff write"],
        "recovery_reset": [RESET],
        "recovery_choose_password": [RESET],
        "recovery_verified": [RESET],
        "recovery_password_hold": ["no return code"],
        "recovery_start_again": ["ask again"],
        "recovery_closed": [CLOSED],
        "recovery_objection_settled": ["the objection is closed"],
        "recovery_address_in_use": ["the address is another account's"],
        "check_the_name": ["check the name"],
        "use_the_form": ["where requests are made"],
        "recovery_co_owner": [REQUEST],
        "recovery_co_owner_reset": [RESET],
        "recovery_first_sign_in": ["the co-owner is back"],
        "recovery_role_rests": ["roles are on hold"],
        "recovery_own_role_rests": ["roles are on hold"],
        "recovery_invitation_ended": ["invitations ended"],
        "recovery_incident": ["a release may be malicious"],
        "recovery_mention": ["a note names you"],
        "account_few_codes": ["account:recovery_codes:used"],
        "account_new_browser": ["a new browser"],
        "account_wrong_factors": ["account:two_factor:wrong"],
        "account_address_corrected": ["the address was corrected"],
        "account_checkup": ["can you get in?"],
        "audit_checkpoint": ["a checkpoint"],
        "audit_restored": ["a restore"],
        "codehost_changed": ["a code host"],
        "guard_changed": ["a guard"],
        "publisher_changed": ["a publisher"],
        "release_changed": ["a release"],
        "release_in_quarantine": ["a release"],
        "release_staged": ["a staged release"],
        "role_changed": ["a role"],
        "role_invitation": ["a role"],
        "token_held": ["tokens on hold"],
        "token_in_quarantine": ["account:api_token:added"],
        "token_leaked": ["tokens revoked"],
        "token_revoked": ["tokens revoked"],
        "token_expires": ["a token ends"],
        "wheel_replaced": ["a file replaces another"],
    }.items()
}
PREPARED = {  # allauth's: `accounts.adapter` names them by their templates
    "account/email/email_confirmation": "confirm the address",
}


def facts_of(mail: Mail) -> frozenset[str]:
    """What a mail reports: a notice what its event says, any other what its kind stands for."""
    if mail.kind == "security_notice":
        return frozenset([mail.context["tag"]])
    if mail.context.get("prepared"):
        return frozenset([PREPARED.get(mail.kind, mail.kind)])
    return FACTS[mail.kind]


def heard_twice(mails: Iterable[Mail]) -> list[str]:
    """The facts that reached one address more than once, about the same account or project."""
    heard: dict[tuple[str, str], list[str]] = defaultdict(list)
    for mail in mails:
        for fact in facts_of(mail):
            about = mail.context.get("project") or mail.context.get("username") or mail.reference
            heard[mail.recipient.lower(), f"{fact} ({about})"].append(mail.kind)
    return [f"{to}: {fact}: {', '.join(kinds)}" for (to, fact), kinds in heard.items() if len(kinds) > 1]


@contextmanager
def one_step() -> Iterator[None]:
    """What is queued in here reaches nobody twice."""
    before = Mail.objects.aggregate(last=Max("pk"))["last"] or 0
    yield
    assert heard_twice(Mail.objects.filter(pk__gt=before)) == []


@pytest.fixture(autouse=True)
def _every_round_of_the_desk_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.recovery.background.probe_rounds.probe_due", lambda: 0)
    monkeypatch.setattr(sweep, "sweep", in_one_step(sweep.sweep))


def in_one_step(do: Callable[[], Any]) -> Callable[[], Any]:
    def step() -> Any:
        with one_step():
            return do()

    return step


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    return make_world(settings, tmp_path)


def test_every_kind_of_mail_says_what_it_reports() -> None:
    kinds = {folder.name for folder in (ROOT / "templates/emails").iterdir() if folder.is_dir()}
    assert kinds - {"security_notice"} == set(FACTS)


def test_two_mails_with_one_fact_would_be_seen() -> None:
    for number, kind in enumerate(("recovery_challenge", "recovery_notice", "recovery_closed")):
        Mail.objects.create(kind=kind, recipient="ada@example.org", language="en", dedupe_key=str(number))
    (said,) = heard_twice(Mail.objects.all())
    assert said.startswith(f"ada@example.org: {REQUEST}")


@pytest.mark.thorough
@pytest.mark.parametrize("route", [route for route, scenario in SCENARIOS.items() if scenario.mails])
def test_no_post_tells_anybody_the_same_twice(route: str, world: World) -> None:
    for number in range(4):
        with one_step():
            SCENARIOS[route].post(world, number)
        work_it_off()


# A recovery ----------------------------------------------------------------------------------------------------------

NEW, FORMER = "ada@new.example", "ada@former.example"
CONTACTS = [(claim, NEW if claim.value in policy.NEW_CONTACT else "ada@example.org") for claim in Claim] + [
    (claim, FORMER) for claim in Claim if claim.value in policy.NEW_CONTACT
]


def prepare(world: World, claim: Claim) -> None:
    """Everything a reset may have to tell: a former address, a token, a young role, an invitation, codes."""
    FormerAddress.objects.create(user=world.ada, email=FORMER)
    factories.make_project("proved", world.ada, urls=[("Source", "https://github.com/ada/tool")])
    Role.objects.filter(user=world.ada, project__name="tool").update(accepted_at=database_now() - timedelta(days=5))
    factories.add_role(factories.make_project("other", world.kim), world.ada, accepted=False)
    mint(world.ada)
    if claim.value in policy.UNVERIFIED:
        EmailAddress.objects.filter(user=world.ada).update(verified=False)
    Mail.objects.all().delete()


def ask(world: World, claim: Claim, contact: str) -> None:
    with one_step():
        workflow.open_ticket(
            subject=world.ada, claim=claim, contact=contact, actor=SYSTEM, source=Source.FORM, says_codes_lost=True
        )
    sweep.sweep()
    sweep.sweep()


def confirm(contact: str) -> None:
    for purpose in ("confirm", "status"):
        if path := mailed(contact, purpose):
            with one_step():
                Client().post(path, {"pushed": "1"})
            sweep.sweep()


def prove(claim: Claim) -> None:
    if claim.value in policy.NEW_CONTACT:
        OtherProof.objects.create(ticket=ticket(), kind=OtherProof.Kind.PASSWORD)
    with one_step():
        push()
    sweep.sweep()


@pytest.mark.thorough
@pytest.mark.parametrize(("claim", "contact"), CONTACTS, ids=[f"{claim}, {contact}" for claim, contact in CONTACTS])
def test_no_step_of_a_recovery_tells_anybody_the_same_twice(world: World, claim: Claim, contact: str) -> None:
    prepare(world, claim)
    ask(world, claim, contact)
    confirm(contact)
    prove(claim)
    for _day in range(32):
        days_pass(1)
    with one_step():
        assert admins_reset() is not None
    for _round in range(3):
        sweep.sweep()
    assert ticket().status == Status.COMPLETED
    kinds = set(Mail.objects.filter(recipient=contact).values_list("kind", flat=True))
    assert {"recovery_notice", "recovery_reset"}.isdisjoint(kinds)
    Role.objects.filter(held_at__isnull=False).update(held_at=F("held_at") - timedelta(days=30))
    sweep.sweep()


def reject() -> None:
    workflow.reject(ticket().pk, actor=as_staff(make_moderator()), reason=REASON)


def expire() -> None:
    days_pass(31)


def stop() -> None:
    workflow.stop(ticket().pk, actor=signed_in(ticket().subject, recent=True))


def freeze() -> None:
    Client().post(mailed("ada@example.org", "stop"), {"lock": "1"})


ENDS = {one.__name__: one for one in (reject, expire, stop, freeze)}


@pytest.mark.parametrize("end", ENDS)
def test_no_end_of_a_request_tells_anybody_the_same_twice(world: World, end: str) -> None:
    prepare(world, Claim.SECOND_FACTOR)
    ask(world, Claim.SECOND_FACTOR, "ada@example.org")
    with one_step():
        ENDS[end]()
    sweep.sweep()
    assert not ticket().is_open


def test_the_contact_among_the_addresses_gets_one_mail_with_its_stop_link(world: World) -> None:
    prepare(world, Claim.SECOND_FACTOR)
    ask(world, Claim.SECOND_FACTOR, "ada@example.org")
    told = Mail.objects.filter(context__claim="second_factor").order_by("recipient")
    assert [(one.recipient, one.kind) for one in told if one.user == world.ada] == [
        ("ada@example.org", "recovery_challenge"),
        (FORMER, "recovery_notice"),
        ("ada@second.example", "recovery_notice"),
    ]
    assert mailed("ada@example.org", "stop")


def test_a_code_that_leaves_few_is_one_mail(world: World) -> None:
    codes = second_factors.make_codes(world.ada, actor=world.ada)
    FormerAddress.objects.create(user=world.ada, email=FORMER)
    for code in codes[:4]:
        second_factors.verify_code(world.ada, code)
    Mail.objects.all().delete()
    client = Client()
    client.post("/account/login/", {"login": "ada", "password": PASSWORD})
    with one_step():
        client.post("/account/second-factor/", {"code": codes[4]})
    few = Mail.objects.filter(kind="account_few_codes").order_by("recipient")
    assert [one.recipient for one in few] == ["ada@example.org", "ada@second.example"]
    former = Mail.objects.filter(recipient=FORMER, context__tag="account:recovery_codes:used").get()
    assert (former.kind, "left" in former.context) == ("security_notice", False)
