"""A decision needs a second factor shown for just this, in this session, on the ticket as it was seen.

The attack: a stolen session whose owner showed a second factor a minute ago. Every button is walked: a new one fails
here until somebody says whether it decides.
"""

import ast
import re
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential

from accounts.decisions import PENDING, Confirmation, ConfirmationNeeded, Decision
from accounts.devices import RecoveryCode, TotpDevice
from accounts.models import User
from audit.log import record
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.desk import buttons, notes
from recoverydesk.recovery.models import BoundaryException, RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.recovery.workflow import locked_ticket, seen_pages, staff_decisions, table
from recoverydesk.recovery.workflow.table import DECISIONS, STAFF, Verb
from tests.helpers import factories
from tests.helpers.authenticator import OPTIONS, Authenticator, add_key
from tests.helpers.desk import QUEUE, asks_for_factor, browser, button, fresh_code, hidden, page, push
from tests.helpers.files import ROOT
from tests.helpers.scenes import SCENES, asked
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_boundary,
    everything,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
    refusals,
)

pytestmark = pytest.mark.django_db
# Buttons that ask, wait, close, object or talk: they give nobody anything, and the claimant can ask again.
NO_DECISION = {
    "challenge", "check_now", "resend", "send_back", "reject", "duplicate", "note", "read", "take", "dispute",
    "add_boundary", "snooze", "assign",
}  # fmt: skip


@pytest.fixture
def ada(ada: User) -> User:
    """She owns a project."""
    factories.make_project("tool", ada)
    return ada


@pytest.fixture
def ready(ada: User) -> RecoveryTicket:
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


@pytest.fixture
def root(db: None) -> User:
    return make_root()


@pytest.fixture
def admin(root: User) -> Client:
    """The browser of an admin who signed in with a second factor a moment ago."""
    return browser(root)


def thief(client: Client) -> Client:
    """Another browser with a copy of the cookie."""
    stolen = Client()
    stolen.cookies["sessionid" if "sessionid" in client.cookies else _name(client)] = client.cookies[
        _name(client)
    ].value
    return stolen


def _name(client: Client) -> str:
    return next(name for name in client.cookies if "session" in name)


def state() -> dict[str, Any]:
    rows = {"devices": list(TotpDevice.objects.order_by("pk").values("user_id", "confirmed"))}
    return everything() | rows | {"exceptions": list(BoundaryException.objects.order_by("pk").values())}


# Which buttons decide -------------------------------------------------------------------------------------------------


def test_every_button_decides_or_is_named_as_one_that_does_not() -> None:
    assert set(buttons.BUTTONS) == set(SCENES) | NO_DECISION
    assert set(SCENES) == {str(verb) for verb in DECISIONS}
    of_staff = {str(verb) for verb, move in table.TRANSITIONS.items() if move.who & STAFF}
    assert of_staff <= set(SCENES) | NO_DECISION


def test_nothing_that_is_done_to_several_tickets_decides(ready: RecoveryTicket, admin: Client) -> None:
    assert set(buttons.BULK) <= NO_DECISION
    before = state()
    for verb in SCENES:
        admin.post(f"{QUEUE}act/", {"ticket": [ready.pk], "action": verb, "reason": REASON, **hidden(ready)})
    assert state() == before


@pytest.mark.parametrize("verb", SCENES)
def test_a_stolen_session_with_a_factor_shown_a_minute_ago_decides_nothing(ada: User, admin: Client, verb: str) -> None:
    scene, words = SCENES[verb]
    ticket, form = scene(ada)
    stolen = thief(admin)
    before, events = state(), Event.objects.count()
    answer = stolen.post(button(ticket, verb), {"reason": REASON, **hidden(ticket), **form})
    assert asks_for_factor(answer)
    shown = stolen.get(answer["Location"]).content.decode()
    assert words in shown
    assert f"Ticket {ticket.pk}, version {hidden(ticket)['version']}, as your page shows it." in shown
    for given in ({}, {"code": "000000"}, {"credential": "{}"}, {"credential": ""}):
        stolen.post(answer["Location"], given)
    assert asks_for_factor(stolen.post(button(ticket, verb), {"reason": REASON, **hidden(ticket), **form}))
    assert state() == before
    assert refusals(ticket) == [] or scene is asked
    written = set(Event.objects.order_by("id")[events:].values_list("tag", flat=True))
    assert written <= {Tag.ACCOUNT_STEP_UP_FAILURE}


@pytest.mark.parametrize("verb", SCENES)
def test_the_factor_carries_the_decision_out_once(ada: User, admin: Client, root: User, verb: str) -> None:
    scene, _words = SCENES[verb]
    ticket, form = scene(ada)
    answer = admin.post(button(ticket, verb), {"reason": REASON, **hidden(ticket), **form})
    done = admin.post(answer["Location"], {"code": fresh_code(admin)})
    assert (done.status_code, done["Location"]) == (302, page(ticket))
    event = Event.objects.filter(tag=Tag.ACCOUNT_STEP_UP).latest("id")
    assert event.data["decision"] == verb
    assert event.data["about"].startswith(f"ticket:{ticket.pk}")
    after = state()
    again = admin.post(answer["Location"], {"code": fresh_code(admin)})
    assert (again.status_code, again["Location"]) == (302, page(ticket))
    assert admin.get(answer["Location"])["Location"] == page(ticket)
    assert state() == after
    assert "You used this page already" in admin.get(page(ticket)).content.decode()


# What is bound --------------------------------------------------------------------------------------------------------


def wait_for_factor(client: Client, ticket: RecoveryTicket, verb: str = "reset") -> str:
    """Click; returns the address of the page that asks for the factor."""
    answer = client.post(button(ticket, verb), {"reason": REASON, **hidden(ticket)})
    assert asks_for_factor(answer)
    return str(answer["Location"])


def test_after_one_decision_the_session_opens_no_other(ready: RecoveryTicket, ada: User, admin: Client) -> None:
    assert push(admin, ready, "reset", {"reason": REASON}).status_code == 302
    other = make_ticket(factories.make_user("kim"), Status.READY)
    add_boundary(other, proved=True)
    before = state()
    wait_for_factor(thief(admin), other)
    assert state() == before
    kept = [one for one in admin.session[PENDING].values() if one["done"]]
    assert [(one["form"], one["words"]) for one in kept] == [("", [])]


def test_the_generic_step_up_page_decides_nothing(ready: RecoveryTicket, admin: Client) -> None:
    assert admin.post("/account/step-up/", {"code": fresh_code(admin)}).status_code == 302
    wait_for_factor(admin, ready)


def test_a_decision_is_no_step_up_for_anything_else(ready: RecoveryTicket, admin: Client) -> None:
    session = admin.session
    for shown in session["account_authentication_methods"]:
        shown["at"] -= 301
    session.save()
    assert push(admin, ready, "reset", {"reason": REASON}).status_code == 302
    assert "/step-up/?next=" in admin.get("/account/security/key/")["Location"]


def test_a_form_slipped_in_meanwhile_is_not_what_the_page_decides(ready: RecoveryTicket, admin: Client) -> None:
    """The thief decides about another account while the owner of the session looks at their own page."""
    other = make_ticket(factories.make_user("mallory"), Status.READY)
    add_boundary(other, proved=True)
    mine = wait_for_factor(admin, ready)
    theirs = wait_for_factor(thief(admin), other)
    assert mine != theirs
    admin.post(mine, {"code": fresh_code(admin)})
    statuses = dict(RecoveryTicket.objects.values_list("subject__username", "status"))
    assert statuses == {"ada": Status.COMPLETED, "mallory": Status.READY}


def test_a_form_waits_in_its_own_session_only(ready: RecoveryTicket, admin: Client) -> None:
    mine, other = wait_for_factor(admin, ready), browser(make_admin())
    before = state()
    assert other.get(mine)["Location"] == "/"
    assert other.post(mine, {"code": fresh_code(other)})["Location"] == "/"
    assert state() == before


def test_the_page_of_a_number_nobody_gave_leads_away(admin: Client) -> None:
    for number in ("x", "0", "a" * 500):
        assert admin.get(f"/account/step-up/{number}/")["Location"] == "/"


def test_when_the_ticket_changed_meanwhile_nothing_is_decided(ready: RecoveryTicket, admin: Client) -> None:
    asking = wait_for_factor(admin, ready)
    notes.add_note(ready.pk, actor=staff(make_moderator()), text="wait, I know them")
    before = state()
    answer = admin.post(asking, {"code": fresh_code(admin)})
    assert answer.status_code == 409
    assert "changed since you opened this page" in answer.content.decode()
    assert REASON in answer.content.decode()
    assert refusals(ready)[-1]["error"] == "StaleTicket"
    assert state() == before | {"devices": state()["devices"]}


def test_a_look_without_news_meanwhile_changes_nothing(ready: RecoveryTicket, admin: Client) -> None:
    notes.add_note(ready.pk, actor=staff(make_moderator()), text="an event to have seen")
    asking = wait_for_factor(admin, ready)
    RecoveryTicket.objects.filter(pk=ready.pk).update(version=F("version") + 3)
    assert admin.post(asking, {"code": fresh_code(admin)}).status_code == 302
    ready.refresh_from_db()
    assert ready.status == Status.COMPLETED


def test_five_forms_wait_and_the_oldest_gives_way(ada: User, admin: Client) -> None:
    tickets = [make_ticket(factories.make_user(f"user{number}"), Status.READY) for number in range(6)]
    pages = [wait_for_factor(admin, ticket) for ticket in tickets]
    assert len(admin.session[PENDING]) == 5
    assert admin.get(pages[0])["Location"] == "/"
    assert admin.get(pages[5]).status_code == 200


def test_neither_a_cookie_nor_a_csrf_token_is_kept_with_the_form(ready: RecoveryTicket, admin: Client) -> None:
    form = {"reason": REASON, "csrfmiddlewaretoken": "x" * 64, **hidden(ready)}
    admin.post(button(ready, "reset"), form)
    (kept,) = admin.session[PENDING].values()
    assert "csrfmiddlewaretoken" not in kept["form"]
    assert admin.cookies[_name(admin)].value not in str(kept)


# The verb asks, whatever the door did ---------------------------------------------------------------------------------


def sure(user: User, ticket: RecoveryTicket, **changed: Any) -> Confirmation:
    decision = staff_decisions.decision("reset", ticket.pk, seen_pages.seen_of_ticket(ticket))
    parts = {name: changed[name] for name in ("verb", "about", "seen") if name in changed}
    rest = {name: changed[name] for name in ("user_id", "at") if name in changed}
    return replace(Confirmation(replace(decision, **parts), user.pk, time.time()), **rest)


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "approve"}, {"about": "ticket:999"}, {"about": "ticket:1/part"}, {"seen": "0.0"}, {"seen": ""},
        {"user_id": 999}, {"at": time.time() - 301}, {"at": time.time() + 60 * 60 * 24 * 365},
    ],
)  # fmt: skip
def test_a_factor_shown_for_anything_else_is_none(ready: RecoveryTicket, root: User, changed: dict[str, Any]) -> None:
    notes.add_note(ready.pk, actor=staff(root), text="so that the version is not 0")
    ready.refresh_from_db()
    seen, before = seen_pages.seen_of_ticket(ready), state()
    with pytest.raises(ConfirmationNeeded):
        workflow.reset(ready.pk, actor=staff(root, confirmed=sure(root, ready, **changed)), seen=seen, reason=REASON)
    assert state() == before
    done = workflow.reset(ready.pk, actor=staff(root, confirmed=sure(root, ready)), seen=seen, reason=REASON)
    assert done.removed is not None


def test_without_the_page_it_was_shown_on_there_is_no_decision(ready: RecoveryTicket, root: User) -> None:
    with pytest.raises(ConfirmationNeeded):
        workflow.reset(ready.pk, actor=staff(root, confirmed=sure(root, ready)), reason=REASON)


def test_a_verb_that_forgets_to_ask_is_undone(ready: RecoveryTicket, root: User) -> None:
    before = state()
    for verb in (Verb.RESET, Verb.APPROVE):
        with pytest.raises(ConfirmationNeeded), locked_ticket.verb(verb, ready.pk, staff(root)) as locked:
            locked_ticket.save(locked, Tag.ACCOUNT_RECOVERY_APPROVE)
    assert state() == before


def test_whoever_may_not_hears_so_before_a_factor_is_asked_for(ready: RecoveryTicket) -> None:
    moderator = browser(make_moderator())
    assert moderator.post(button(ready, "reset"), {"reason": REASON, **hidden(ready)}).status_code == 409
    short = browser(make_admin()).post(button(ready, "reset"), {"reason": "short", **hidden(ready)})
    assert str(errors.ReasonTooShort()) in short.content.decode()


# Keys -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def key(admin: Client, settings: Any) -> Authenticator:
    made = Authenticator()
    assert add_key(admin, made).status_code == 302
    settings.STAFF_STEP_UP = "webauthn"
    return made


def ask_key(client: Client, asking: str) -> dict[str, Any]:
    """What the page's script gets before it asks the key."""
    shown = client.get(asking).content.decode()
    found = re.search(r'data-purpose="decision"\s+data-options="([^"]+)"', shown)
    assert found
    return dict(client.post(found[1].replace("&amp;", "&"), {"purpose": "decision"}).json())


def test_where_only_a_key_decides_a_code_does_not(ready: RecoveryTicket, admin: Client, key: Authenticator) -> None:
    asking = wait_for_factor(admin, ready)
    assert 'name="code"' not in admin.get(asking).content.decode()
    before = state()
    assert admin.post(asking, {"code": fresh_code(admin)})["Location"] == asking
    assert state() == before
    done = admin.post(asking, {"credential": key.get(ask_key(admin, asking))})
    assert done["Location"] == page(ready)
    ready.refresh_from_db()
    assert ready.status == Status.COMPLETED


def test_the_answer_for_one_decision_is_none_for_another(
    ready: RecoveryTicket, admin: Client, key: Authenticator
) -> None:
    other = make_ticket(factories.make_user("kim"), Status.READY)
    add_boundary(other, proved=True)
    mine, theirs = wait_for_factor(admin, ready), wait_for_factor(admin, other)
    before = state()
    for asked_for, posted_to in ((mine, theirs), (mine, "/account/step-up/")):
        admin.post(posted_to, {"credential": key.get(ask_key(admin, asked_for))})
    step_up = admin.post(OPTIONS, {"purpose": "step_up"}).json()
    admin.post(mine, {"credential": key.get(step_up)})
    assert state() == before


def test_nothing_is_asked_of_a_key_for_a_form_that_does_not_wait(admin: Client, key: Authenticator) -> None:
    for about in ("", "x"):
        assert admin.post(f"{OPTIONS}?about={about}", {"purpose": "decision"}).status_code == 403


def test_a_decision_grows_old(ready: RecoveryTicket, root: User, settings: Any) -> None:
    decision = Decision("reset", f"ticket:{ready.pk}", "1.1")
    shown = Confirmation(decision, root.pk, time.time() - 200)
    assert shown.covers(decision, root)
    settings.RECENT_SECOND_FACTOR = timedelta(seconds=100)
    assert not shown.covers(decision, root)


def grown_up(user: User) -> None:
    """An account of long standing, whose first factor was added long ago."""
    User.objects.filter(pk=user.pk).update(date_joined=database_now() - 90 * DAY)
    TotpDevice.objects.filter(user=user).update(created_at=database_now() - 90 * DAY)
    record(Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED, actor=user, subject=user, method="totp")


def test_a_key_that_a_thief_of_the_session_added_decides_nothing_for_a_day(
    ready: RecoveryTicket, root: User, admin: Client, settings: Any
) -> None:
    """Within the five minutes after a sign-in a stolen session may add a factor; its owner hears of it by mail."""
    grown_up(root)
    stolen, theirs = thief(admin), Authenticator()
    assert add_key(stolen, theirs).status_code == 302
    asking = wait_for_factor(stolen, ready)
    before = everything()
    answer = stolen.post(asking, {"credential": theirs.get(ask_key(stolen, asking))}, follow=True)
    assert "added less than a day ago. Use an older one" in answer.content.decode()
    assert everything() == before
    WebAuthnCredential.objects.update(created_at=database_now() - DAY - timedelta(minutes=1))
    assert stolen.post(asking, {"credential": theirs.get(ask_key(stolen, asking))})["Location"] == page(ready)


def test_the_older_factor_still_decides(ready: RecoveryTicket, root: User, admin: Client) -> None:
    grown_up(root)
    add_key(admin, Authenticator())
    assert push(admin, ready, "reset", {"reason": REASON})["Location"] == page(ready)


def test_a_recovery_code_decides_nothing(ready: RecoveryTicket, root: User, admin: Client) -> None:
    """Whoever has shown a factor a minute ago can make new codes."""
    codes = factories.add_codes(root)
    asking = wait_for_factor(admin, ready)
    before = everything()
    answer = admin.post(asking, {"code": codes[0]})
    assert "A recovery code is not enough here." in answer.content.decode()
    assert everything() == before
    assert not RecoveryCode.objects.exclude(used_at=None).exists()


# The code -------------------------------------------------------------------------------------------------------------


def test_only_one_function_makes_a_confirmation() -> None:
    """Whoever could write one down anywhere else would decide without a factor."""
    makers = []
    for path in [*ROOT.glob("accounts/**/*.py"), *ROOT.glob("recoverydesk/**/*.py"), *ROOT.glob("tokens/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            named = getattr(node, "func", None)
            if "Confirmation" in (getattr(named, "id", ""), getattr(named, "attr", "")):
                makers.append(path.relative_to(ROOT).as_posix())
    assert makers == ["accounts/decisions.py"]
    confirms = {
        path.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("accounts/**/*.py"), *ROOT.glob("recoverydesk/**/*.py")]
        if "decisions.confirm(" in path.read_text()
    }
    assert confirms == {"accounts/views/decide.py", "recoverydesk/demo/stories.py"}
