"""The public pages: the form that tells nothing, the status page, the choose-password page."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.mail import outbox
from accounts.mail.models import Link, Mail, Request
from accounts.models import User
from audit.log import RequestOrigin
from recoverydesk.recovery import errors, hooks, notices, return_code
from recoverydesk.recovery.after_reset import choose_password
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from tests.helpers import decided, factories
from tests.helpers.links import path
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_address,
    add_boundary,
    as_staff,
    everything,
    make_admin,
    make_ticket,
    refusals,
    status_link,
)

pytestmark = pytest.mark.django_db
ASKING = {"claim": "second_factor", "codes": "lost"}
PHRASE = "an entirely new phrase"


# The form ------------------------------------------------------------------------------------------------------------


def everybody() -> dict[str, str]:
    """Accounts in every state a stranger might like to know of, and a name nobody has."""
    names = {"missing": "nobody-there", "odd": "robert", "address": "nobody@nowhere.example"}
    for state in ("active", "frozen", "staff", "no-factor", "open-ticket", "unverified", "inactive"):
        user = factories.make_user(state, verified=state != "unverified", staff=state == "staff")
        if state not in ("no-factor", "unverified"):
            factories.add_totp(user)
        names[state] = state.upper()
    names |= {
        "its-address": "Active@example.org",
        "not-verified": "unverified@example.org",
        "its-page": "localhost:8000/u/active",
    }
    User.objects.filter(username="frozen").update(frozen_at=Now(), frozen_by="staff")
    User.objects.filter(username="inactive").update(is_active=False)
    make_ticket(User.objects.get(username="open-ticket"))
    return names


def test_the_form_answers_the_same_whatever_is_typed() -> None:
    answers = {}
    for state, name in everybody().items():
        client = Client()
        with CaptureQueriesContext(connection) as queries:
            first = client.post("/recover/", {"username": name, **ASKING})
            second = client.get(first["Location"])
        body = re.sub(rb'name="csrfmiddlewaretoken" value="[^"]*"', b"", second.content)
        headers = {**first.headers, **second.headers, "Set-Cookie": "", "X-Request-ID": ""}
        answers[state] = (first.status_code, first["Location"], second.status_code, body, headers, len(queries))
    assert len(set(map(repr, answers.values()))) == 1
    assert Request.objects.count() == len(answers)


def test_a_request_row_tells_nobody_who_was_named(client: Client) -> None:
    client.post("/recover/", {"username": "ada", **ASKING})
    row = Request.objects.values().get()
    assert "ada" not in str(row)
    assert row["network"] == "127.0.0.1"


@pytest.mark.parametrize(
    "typed",
    [
        {"username": "", **ASKING},
        {"username": "a" * 51, **ASKING},
        {"username": "ada", "claim": "email", "codes": "lost"},
        {"username": "ada", "claim": "second_factor"},
        {"username": "ada", "claim": "second_factor", "codes": "have"},
        {},
    ],
)
def test_what_the_form_cannot_use_writes_nothing(client: Client, typed: dict[str, str]) -> None:
    assert client.post("/recover/", typed).status_code == 200
    assert not Request.objects.exists()


def test_who_has_a_code_left_is_sent_to_sign_in_for_every_name(ada: User, client: Client) -> None:
    for name in ("ada", "nobody"):
        page = client.post("/recover/", {"username": name, "claim": "second_factor", "codes": "have"})
        assert b"sign in with your password and one of these codes" in page.content


def test_one_network_may_ask_twenty_times_an_hour(client: Client) -> None:
    answers = [client.post("/recover/", {"username": "ada", **ASKING}).status_code for _ in range(21)]
    assert answers == [302] * 20 + [429]
    assert Request.objects.count() == 20


def ask_from(*addresses: str) -> list[int]:
    asked = {"username": "ada", **ASKING}
    return [Client(REMOTE_ADDR=address).post("/recover/", asked).status_code for address in addresses]


def test_one_network_is_an_ipv4_address_or_an_ipv6_64() -> None:
    assert ask_from(*(f"2001:db8:1:2:{number:x}::7" for number in range(21))) == [302] * 20 + [429]
    assert ask_from("2001:db8:1:3::7", "192.0.2.1") == [302, 302]
    assert ask_from(*(f"192.0.2.{number}" for number in range(100, 121))) == [302] * 21


def test_ipv4_visitors_of_a_socket_for_both_families_are_not_one_network() -> None:
    assert ask_from(*(f"::ffff:192.0.2.{number}" for number in range(21))) == [302] * 21


def test_over_the_cap_a_request_is_delayed_and_not_dropped() -> None:
    rows = [
        intake.note_request(username="ada", claim="second_factor", says_codes_lost=True, network="") for _ in range(121)
    ]
    due = [Request.objects.get(pk=row.pk).due_at - Request.objects.get(pk=row.pk).created_at for row in rows]
    assert [round(wait.total_seconds() / 60) for wait in (due[0], due[59], due[60], due[120])] == [0, 0, 1, 2]


@pytest.mark.parametrize("page", ["/recover/", "status", "stop", "password"])
def test_a_post_without_the_csrf_token_is_refused(ada: User, page: str) -> None:
    ticket = make_ticket(ada, Status.READY)
    code = give_code(ticket)
    pages = {"status": path(status_link(ticket))}
    if page in ("stop", "password"):
        completed(ticket)
        pages = {name: path(Link.objects.get(purpose=purpose)) for name, purpose in
                 (("stop", "stop"), ("password", "choose_password"))}  # fmt: skip
    before = everything()
    strict = Client(enforce_csrf_checks=True)
    typed = {"username": "ada", **ASKING, "stop": "1", "pushed": "1", **choosing(code)}
    assert strict.post(pages.get(page, page), typed).status_code == 403
    assert everything() == before
    assert not Request.objects.exists()


# The status page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def challenged(ada: User) -> RecoveryTicket:
    ticket = make_ticket(ada)
    add_boundary(ticket, "ada")
    add_boundary(ticket, "guild", proved=True)
    return ticket


def test_the_status_page_shows_each_boundary_and_nobody_elses_address(
    ada: User, challenged: RecoveryTicket, client: Client
) -> None:
    add_address(ada, "private@elsewhere.example")
    RecoveryTicket.objects.update(assigned_to=make_admin("grace"))
    page = client.get(path(status_link(challenged))).content.decode()
    assert "git.example/ada" in page
    assert "We have found it for 1 of 2 accounts or organisations" in page
    assert "private@elsewhere.example" not in page
    assert "grace" not in page


def test_the_confirming_post_shows_the_return_code_once(challenged: RecoveryTicket, client: Client) -> None:
    page = path(status_link(challenged))
    code = client.post(page, {"pushed": "1"}, follow=True).context["return_code"]
    assert re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code)
    challenged.refresh_from_db()
    assert challenged.mailbox_confirmed_at is not None
    assert return_code.matches(code.upper().replace("-", " "), challenged)
    for again in (client.get(page), client.post(page, {"pushed": "1"}, follow=True)):
        assert code not in again.content.decode()
    digest = challenged.return_code_digest
    challenged.refresh_from_db()
    assert challenged.return_code_digest == digest


def test_a_ready_ticket_whose_code_was_never_shown_shows_it_on_demand(ada: User, client: Client) -> None:
    page = path(status_link(make_ticket(ada, Status.READY)))
    assert b"Show my return code" in client.get(page).content
    assert client.post(page, {"pushed": "1"}, follow=True).context["return_code"]
    assert b"Show my return code" not in client.get(page).content


def test_a_link_that_a_reset_ended_is_dead_for_the_browser_that_saw_the_return_code_too(
    challenged: RecoveryTicket, client: Client
) -> None:
    page = path(status_link(challenged))
    assert client.post(page, {"pushed": "1"}, follow=True).context["return_code"]
    Link.objects.filter(purpose="status").update(dead_at=Now())
    assert client.get(page).status_code == 404


def test_withdrawing_closes_and_leaves_no_button(challenged: RecoveryTicket, client: Client) -> None:
    page = path(status_link(challenged))
    assert b"You closed it on this page" in client.post(page, {"withdraw": "1"}, follow=True).content
    assert b'method="post"' not in Client().get(page).content.split(b"<main")[1]
    challenged.refresh_from_db()
    assert challenged.status == Status.WITHDRAWN


def test_pages_behind_a_key_are_not_kept_by_anybody(challenged: RecoveryTicket, client: Client) -> None:
    answer = client.get(path(status_link(challenged)))
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert answer["X-Robots-Tag"] == "noindex"
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_an_expired_status_link_is_dead(challenged: RecoveryTicket, client: Client) -> None:
    link = status_link(challenged)
    Link.objects.update(expires_at=Now())
    assert client.get(path(link)).status_code == 404


# Choosing a password -------------------------------------------------------------------------------------------------


def give_code(ticket: RecoveryTicket) -> str:
    """The return code, as if the claimant had seen it."""
    code = return_code.make_code()
    RecoveryTicket.objects.filter(pk=ticket.pk).update(return_code_digest=return_code.digest(code, ticket))
    return code


def completed(ticket: RecoveryTicket) -> RecoveryTicket:
    decided.reset(ticket.pk, actor=as_staff(make_admin("resetter")), reason=REASON)
    return RecoveryTicket.objects.get(pk=ticket.pk)


def choosing(code: str, password: str = PHRASE) -> dict[str, str]:
    return {"code": code, "password": password, "again": password}


@pytest.fixture
def reset(ada: User) -> tuple[RecoveryTicket, str]:
    ticket = make_ticket(ada, Status.READY)
    code = give_code(ticket)
    return completed(ticket), code


def choose_page() -> str:
    return path(Link.objects.filter(purpose="choose_password").latest("id"))


def test_the_right_code_sets_the_password_and_kills_the_link(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    page = choose_page()
    answer = client.post(page, choosing(reset[1]))
    assert re.fullmatch(r"/account/security/app/\d+/", answer["Location"])
    ada.refresh_from_db()
    assert ada.check_password(PHRASE)
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert b"Your new password is set." in client.get(answer["Location"]).content
    assert client.get(page).status_code == 404
    assert client.post(page, choosing(reset[1], "yet another phrase")).status_code == 404
    ada.refresh_from_db()
    assert ada.check_password(PHRASE)


def test_who_keeps_a_second_factor_is_asked_for_it_before_the_new_password_lets_anybody_in(
    ada: User, client: Client
) -> None:
    secret = factories.add_totp(ada)[1]
    ticket = make_ticket(ada, Status.COMPLETED, claim=Claim.EMAIL, contact="ada@new.example")
    code = give_code(ticket)
    assert notices.choose_password(ticket).recipient == "ada@new.example"
    assert client.post(choose_page(), choosing(code))["Location"] == "/account/second-factor/"
    assert "_auth_user_id" not in client.session
    client.post("/account/second-factor/", {"code": factories.code(secret)})
    assert client.session["_auth_user_id"] == str(ada.pk)


@pytest.mark.parametrize("password", ["short", "password12", "ada", "1234567890123"])
def test_a_weak_password_is_refused_and_counts_against_nothing(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client, password: str
) -> None:
    assert client.post(choose_page(), choosing(reset[1], password)).status_code == 200
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    assert RecoveryTicket.objects.get().return_code_failures == 0


def test_two_different_passwords_are_refused(ada: User, reset: tuple[RecoveryTicket, str], client: Client) -> None:
    assert client.post(choose_page(), choosing(reset[1]) | {"again": "something else"}).status_code == 200
    ada.refresh_from_db()
    assert not ada.has_usable_password()


def test_after_five_wrong_codes_only_the_hold_is_left(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    page = choose_page()
    for _attempt in range(5):
        assert b"not the return code" in client.post(page, choosing("aaaa-bbbb-cccc-dddd")).content
    assert b"have to wait 24 hours" in client.post(page, choosing(reset[1])).content
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    assert [data["error"] for data in refusals(reset[0])] == ["WrongReturnCode"] * 5


def test_without_a_shown_code_no_code_opens_it(ada: User, client: Client) -> None:
    completed(make_ticket(ada, Status.READY))
    for code in ("", " ", "-", "None"):
        client.post(choose_page(), choosing(code))
    ada.refresh_from_db()
    assert not ada.has_usable_password()


def test_the_hold_is_told_to_everybody_and_opens_after_a_day(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    add_address(ada, "ada@second.example")
    page = choose_page()
    client.post(page, {"hold": "1"})
    client.post(page, {"hold": "1"})
    told = Mail.objects.filter(kind="recovery_password_hold").values_list("recipient", flat=True)
    assert sorted(told) == ["ada@example.org", "ada@second.example"]
    assert all(
        "/recover/stop/" in outbox.render(one).text for one in Mail.objects.filter(kind="recovery_password_hold")
    )
    assert client.post(page, choosing("")).status_code == 200
    RecoveryTicket.objects.update(password_hold_until=Now() + timedelta(hours=1))
    client.post(page, choosing("wrong"))
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    RecoveryTicket.objects.update(password_hold_until=Now())
    assert client.post(page, choosing("")).status_code == 302
    ada.refresh_from_db()
    assert ada.check_password(PHRASE)


def test_the_hold_lasts_twenty_four_hours(reset: tuple[RecoveryTicket, str], client: Client) -> None:
    client.post(choose_page(), {"hold": "1"})
    ticket = RecoveryTicket.objects.get()
    assert ticket.password_hold_until is not None
    assert ticket.completed_at is not None
    assert abs(ticket.password_hold_until - ticket.completed_at - DAY) < timedelta(minutes=1)


def test_the_right_code_still_opens_during_a_hold(ada: User, reset: tuple[RecoveryTicket, str], client: Client) -> None:
    client.post(choose_page(), {"hold": "1"})
    assert client.post(choose_page(), choosing(reset[1])).status_code == 302


def test_an_expired_link_is_renewed_to_the_same_mailbox_for_seven_days(
    reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    first = choose_page()
    Link.objects.filter(purpose="choose_password").update(expires_at=Now())
    assert b"Mail me a new link" in client.get(first).content
    client.post(first, {"renew": "1"})
    assert Client().get(first).status_code == 404
    second = choose_page()
    assert second != first
    assert b"Return code" in client.get(second).content
    assert (
        list(Mail.objects.filter(kind="recovery_choose_password").values_list("recipient", flat=True))
        == ["ada@example.org"] * 2
    )


def test_an_expired_link_chooses_nothing(ada: User, reset: tuple[RecoveryTicket, str], client: Client) -> None:
    page = choose_page()
    Link.objects.filter(purpose="choose_password").update(expires_at=Now())
    client.post(page, choosing(reset[1]))
    ada.refresh_from_db()
    assert not ada.has_usable_password()


def test_after_seven_days_nothing_is_renewed(reset: tuple[RecoveryTicket, str], client: Client) -> None:
    page = choose_page()
    Link.objects.filter(purpose="choose_password").update(expires_at=Now())
    RecoveryTicket.objects.update(completed_at=Now() - 7 * DAY - timedelta(seconds=1))
    assert b"Mail me a new link" not in client.get(page).content
    client.post(page, {"renew": "1"})
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 1


def test_a_link_is_renewed_five_times_a_day_at_most(reset: tuple[RecoveryTicket, str], client: Client) -> None:
    for _attempt in range(9):
        client.post(choose_page(), {"renew": "1"})
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 6


def test_a_frozen_account_chooses_no_password(ada: User, reset: tuple[RecoveryTicket, str], client: Client) -> None:
    User.objects.filter(pk=ada.pk).update(frozen_at=Now(), frozen_by="staff")
    page = choose_page()
    for fields in (choosing(reset[1]), {"hold": "1"}, {"renew": "1"}):
        assert client.post(page, fields).status_code in (200, 302)
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    assert RecoveryTicket.objects.get().password_hold_until is None
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 1


def test_a_link_that_died_while_its_page_was_open_chooses_nothing(ada: User, reset: tuple[RecoveryTicket, str]) -> None:
    link = Link.objects.get(purpose="choose_password")
    choose_password.renew(link)
    with pytest.raises(errors.InvalidTransition):
        choose_password.choose(link, choose_password.Attempt(reset[1], PHRASE), origin=RequestOrigin())
    ada.refresh_from_db()
    assert not ada.has_usable_password()


def test_forgot_password_sends_this_link_until_one_is_chosen(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    assert hooks.password_link(ada) is True
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 2
    client.post(choose_page(), choosing(reset[1]))
    assert hooks.password_link(ada) is False


def test_a_later_reset_makes_the_links_of_an_earlier_one_worthless(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    first = choose_page()
    factories.add_totp(ada)
    again = make_ticket(ada, Status.READY)
    decided.reset(again.pk, actor=as_staff(User.objects.get(username="resetter")), reason=REASON)
    for fields in (choosing(reset[1]), {"hold": "1"}, {"renew": "1"}):
        client.post(first, fields)
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    assert not Mail.objects.filter(kind="recovery_password_hold").exists()
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 2


def test_forgot_password_of_a_stranger_to_the_desk_is_the_usual_mail(ada: User) -> None:
    assert hooks.password_link(ada) is False


def test_the_return_code_is_read_as_people_type_it(
    ada: User, reset: tuple[RecoveryTicket, str], client: Client
) -> None:
    code = reset[1].upper().replace("O", "0").replace("I", "1").replace("B", "8").replace("-", "—\u200b")
    assert client.post(choose_page(), choosing(code)).status_code == 302


def test_the_status_page_speaks_of_notices_only_while_one_has_not_left(ada: User, client: Client) -> None:
    ticket = make_ticket(ada, mailbox_confirmed_at=Now(), turn="clock")
    notice = outbox.queue("recovery_notice", "x@example.org", reference=ticket.reference, dedupe="one")
    page = path(status_link(ticket))
    assert "as soon as we have sent all our mails" in client.get(page).content.decode()
    Mail.objects.filter(pk=notice.pk).update(state=Mail.State.SENT, settled_at=Now())
    said = client.get(page).content.decode()
    assert "notices" not in said
    assert "The waiting period begins in a moment." in said
