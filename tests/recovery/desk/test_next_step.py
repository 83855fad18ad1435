"""The next step tells the truth: who said no, when, in whose words, what waits for us, and what this reader may do."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import policy, summary, wording, workflow
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status
from recoverydesk.recovery.permissions import signed_in, staff
from tests.helpers import decided, factories
from tests.helpers.desk import browser, page
from tests.helpers.scenes import SCENES
from tests.helpers.tickets import DAY, REASON, add_boundary, make_admin, make_moderator, make_ticket

pytestmark = pytest.mark.django_db
OURS: dict[str, Any] = {
    "unanswered": True, "disputed_at": True, "signed_in_at": True, "exceptions_asked": 1, "needs_a_person": True,
    "bounced": True, "frozen": True, "contact_taken": True, "contact_changed": True,
    "incident": True,
}  # fmt: skip
BUTTONS = {policy.Step.CHALLENGE, policy.Step.APPROVE, policy.Step.RESET}


def plain_case() -> policy.Case:
    """A challenged ticket of somebody with one project, of which nothing is proved."""
    return policy.Case(
        claim=policy.Claim.SECOND_FACTOR, status=policy.Status.CHALLENGED, asked=1, proved=0, has_projects=True,
        critical=False, subject_is_staff=False, recently_stopped=False, bounced=False, frozen=False,
        mailbox_confirmed_at=None, notices_settled_at=None, wait_until=None, needs_a_person=False, objected=False,
        host_failing=False, named=1,
    )  # fmt: skip


@pytest.mark.parametrize("status", [policy.Status.CHALLENGED, policy.Status.WAITING, policy.Status.READY])
@pytest.mark.parametrize("proved", [0, 1])
def test_our_turn_always_says_what_waits_for_us_and_never_that_the_claimant_knows(status: Any, proved: int) -> None:
    now = database_now()
    for names in product([False, True], repeat=len(OURS)):
        given = {name: value for (name, value), there in zip(OURS.items(), names, strict=True) if there}
        given |= {name: now for name in ("disputed_at", "signed_in_at") if name in given}
        case = replace(plain_case(), status=status, proved=proved, **given)
        step = summary.next_step(case, now)
        if policy.whose_turn(case) != policy.Turn.OURS:
            assert not step.ours
            continue
        assert step.sentence != str(wording.STEPS[policy.Step.PROBE]), case
        assert step.ours or step.lacking or step.step in BUTTONS, case


def shown(user: User, ticket: RecoveryTicket) -> str:
    return " ".join(browser(user).get(page(ticket)).content.decode().split())


def test_a_co_owners_no_is_shown_with_name_day_and_words(ada: User) -> None:
    partner = factories.make_user("partner")
    factories.add_role(factories.make_project("shared", ada), partner)
    ticket = make_ticket(ada)
    add_boundary(ticket)
    workflow.dispute(ticket.pk, actor=signed_in(partner, recent=True), reason="Ada sits next to me & signed in today")
    content = shown(make_moderator(), ticket)
    assert "<strong>partner</strong> disputed the request: <q>Ada sits next to me &amp; signed in today</q>" in content
    assert "The claimant knows what is missing" not in content
    assert "Our turn" in content


def test_a_reason_that_a_button_gave_is_nobodys_words(ada: User) -> None:
    ticket = make_ticket(ada)
    workflow.note_sign_in(ticket.pk, young=True)
    content = shown(make_moderator(), ticket)
    assert "<strong>the program</strong> disputed the request" in content
    assert "<q>" not in content


def test_an_objection_is_shown_with_its_address_and_its_outcome_stays(ada: User) -> None:
    ticket, _typed = SCENES["settle_objection"][0](ada)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(turn="ours")
    otto = make_admin("otto")
    assert "What did you find?" in shown(otto, ticket)
    decided.settle_objection(ticket.pk, actor=staff(otto), outcome="wrong", reason=REASON)
    content = shown(make_moderator(), ticket)
    assert "What our staff found: <strong>The reset was wrong: it let somebody else in</strong>" in content
    assert f"closed the objection. The reset was wrong: it let somebody else in: <q>{REASON}</q>" in content


def test_who_may_not_settle_reads_who_does(ada: User) -> None:
    ticket, _typed = SCENES["settle_objection"][0](ada)
    assert ticket.reset_by is not None
    cases = {
        ticket.reset_by: "another admin has to close the objection",
        make_moderator(): "An admin decides here",
        factories.make_user("aude", staff=True, groups=["Auditors"]): "Moderators and admins work on it",
    }
    for user, words in cases.items():
        content = shown(user, ticket)
        assert words in content
        assert "press/settle_objection/" not in content


def test_a_button_that_would_be_refused_is_not_shown_and_the_page_says_who_decides(ada: User) -> None:
    ticket = make_ticket(ada, Status.READY, disputed_at=database_now() - 9 * DAY)
    add_boundary(ticket, proved=True)
    newcomer = make_admin("newcomer")
    User.objects.filter(pk=newcomer.pk).update(staff_since=Now() - DAY)
    assert "press/approve/" in shown(anna := make_admin("anna"), ticket)
    for user, words in ((newcomer, "younger than seven days"), (make_moderator(), "An admin decides here")):
        content = shown(user, ticket)
        assert (words in content, "press/approve/" in content) == (True, False)
    decided.approve(ticket.pk, actor=staff(anna), reason=REASON)
    content = shown(anna, ticket)
    assert ("somebody else does this" in content, "press/reset/" in content) == (True, False)
    assert "press/reset/" in shown(make_admin("bert"), ticket)


def test_who_asked_for_an_exception_reads_that_somebody_else_decides(ada: User) -> None:
    ticket, _form = SCENES["approve_exception"][0](ada)
    asker = User.objects.get(username="asker")
    assert Boundary.objects.filter(ticket=ticket, proved_at=None).exists()
    assert "somebody else does this" in shown(asker, ticket)
    assert "somebody else does this" not in shown(make_moderator(), ticket)


def test_a_mismatch_offers_the_fitting_reply_first_and_reject_beside_it(db: None) -> None:
    ticket = make_ticket(factories.make_user("kim"), Status.NEW)
    client = browser(make_moderator())
    content = client.get(page(ticket)).content.decode()
    start = content.index('id="next"')
    step = content[start : content.index("</section>", start)]
    assert 'class="primary-button">Preview “No second factor on this account”' in " ".join(step.split())
    assert step.count("primary-button") == 1
    assert "press/reject/" in step
    assert 'value="The account has no second factor"' in step
    assert content.count('id="reject-reason"') == 1
