"""The queue: what a view holds and in which order, what a search finds, what is done to several tickets at once."""

import csv
import io
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common import csv_safe
from common.clock import database_now
from recoverydesk.recovery import errors, policy
from recoverydesk.recovery.desk import assignment, buttons, flags, queue, search
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status, Turn
from recoverydesk.recovery.permissions import staff
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.tickets import DAY, add_address, add_boundary, make_admin, make_moderator, make_ticket

pytestmark = pytest.mark.django_db


def listed(client: Client, **asked: str) -> list[str]:
    rows = client.get(QUEUE, asked).context["found"].rows
    return [row.ticket.subject.username for row in rows]


def new_ticket(name: str, **fields: object) -> RecoveryTicket:
    return make_ticket(factories.make_user(name), Status.NEW, **fields)


# Search --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ada_ticket(db: None) -> RecoveryTicket:
    ada = factories.make_user("Ada")
    add_address(ada, "second@example.com")
    factories.make_project("Analytical-Engine", ada)
    ticket = make_ticket(ada, Status.NEW, issue_url="https://tracker.example/issues/7")
    add_boundary(ticket, "lovelace", host="github.com")
    new_ticket("kim")
    return ticket


@pytest.mark.parametrize(
    "text",
    [
        "Ada", "ada", "AD", "ada@example.org", "ADA@EXAMPLE.ORG", "second@example.com", "analytical_engine", "analyt",
        "lovelace", "love", "github.com/lovelace", "github.com/love", "github.com", "https://tracker.example/issues/7",
        "https://tracker.example/issues/7#comment-1", "https://github.com/lovelace/tool", "lovelace/tool",
        "ada github.com", "@ada",
    ],
)  # fmt: skip
def test_a_ticket_is_found_by_whatever_a_moderator_has_in_hand(ada_ticket: RecoveryTicket, text: str) -> None:
    assert search.find_tickets(text)[0] == {ada_ticket.pk}


def test_a_ticket_is_found_by_its_number(ada_ticket: RecoveryTicket) -> None:
    assert search.find_tickets(f"#{ada_ticket.pk}")[0] == {ada_ticket.pk}
    assert ada_ticket.pk in search.find_tickets(str(ada_ticket.pk))[0]


@pytest.mark.parametrize(
    "text", ["nobody", "ada kim", "%", "_da", "gitlab.com/lovelace", "", "#", "//", "@", "://", "x" * 400]
)
def test_what_nothing_speaks_of_finds_nothing(ada_ticket: RecoveryTicket, text: str) -> None:
    assert search.find_tickets(text)[0] == set()


def test_a_search_says_when_it_stopped_early(monkeypatch: pytest.MonkeyPatch, ada_ticket: RecoveryTicket) -> None:
    monkeypatch.setattr(search, "LIMIT", 1)
    assert search.find_tickets("ada") == ({ada_ticket.pk}, True)


def test_a_search_looks_in_every_queue_and_a_chosen_queue_only_in_it(db: None) -> None:
    client = browser(make_moderator())
    new_ticket("lee")
    make_ticket(factories.make_user("leeds"), Status.REJECTED, turn="nobody")
    assert listed(client, q="lee") == ["lee", "leeds"]
    assert listed(client, q="lee", queue="closed") == ["leeds"]


# Views ---------------------------------------------------------------------------------------------------------------


def test_filters_are_addresses(db: None) -> None:
    mod = make_moderator()
    client = browser(mod)
    new_ticket("kim", assigned_to=mod)
    new_ticket("lee", challenges_itself=True)
    make_ticket(factories.make_user("sam"), Status.READY, disputed_at=database_now())
    assert listed(client, **{"with": "me"}) == ["kim"]
    assert listed(client, **{"with": "mod"}) == ["kim"]
    assert sorted(listed(client, **{"with": "nobody"})) == ["lee", "sam"]
    assert listed(client, flag="mismatch") == ["kim"]
    assert listed(client, flag="disputed") == ["sam"]
    assert listed(client, status="ready") == ["sam"]
    assert listed(client, claim="email") == []
    assert len(listed(client, flag="x", status="y", claim="z", page="-4")) == 3


def test_fifty_a_page_and_a_link_to_the_next(db: None) -> None:
    kim, client = factories.make_user("kim"), browser(make_moderator())
    for _ in range(52):
        make_ticket(kim, Status.REJECTED, turn="nobody")
    first = client.get(QUEUE, {"queue": "closed"})
    assert len(first.context["found"].rows) == 50
    assert "page=2" in first.context["later"]
    second = client.get(f"{QUEUE}?{first.context['later']}")
    assert (len(second.context["found"].rows), second.context["later"]) == (2, "")


def test_counts_stop_at_a_thousand(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    for name in ("kim", "lee", "sam"):
        new_ticket(name)
    assert queue.counts(make_moderator())["ours"] == "3"
    monkeypatch.setattr(queue, "COUNTED", 3)
    assert queue.counts(User.objects.get(username="mod"))["ours"] == "2+"


def test_the_queue_costs_the_same_for_one_ticket_and_for_forty(db: None) -> None:
    client = browser(make_moderator())

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get(QUEUE, {"q": "user"}).status_code == 200
        return len(caught)

    add_boundary(new_ticket("user0"))
    one = queries()
    for number in range(1, 40):
        add_boundary(new_ticket(f"user{number}"))
    assert queries() == one <= 20


# The file ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "\uff1d1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert csv_safe.cell(cell) == f"'{cell}"
    assert csv_safe.cell("ada") == "ada"


def test_the_view_leaves_as_a_file(db: None) -> None:
    mod = make_moderator()
    new_ticket("kim", issue_url="=HYPERLINK(1)")
    make_ticket(factories.make_user("lee"), Status.REJECTED, turn="nobody")
    answer = browser(mod).get(f"{QUEUE}csv/")
    lines = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(line["account"], line["issue"]) for line in lines] == [("kim", "'=HYPERLINK(1)")]
    assert "attachment" in answer["Content-Disposition"]


# Take next -----------------------------------------------------------------------------------------------------------


def test_the_longest_waiting_free_ticket_comes_first(db: None) -> None:
    mod = make_moderator()
    now = database_now()
    new_ticket("young")
    new_ticket("taken", assigned_to=make_moderator("other"), turn_since=now - 9 * DAY)
    new_ticket("snoozed", turn_since=now - 8 * DAY, snoozed_at=now, snoozed_until=now + DAY)
    make_ticket(mod, Status.NEW, turn_since=now - 7 * DAY)
    make_ticket(factories.make_user("ready"), Status.READY, turn_since=now - 6 * DAY)
    new_ticket("old", turn_since=now - 5 * DAY)
    taken = [assignment.take_next(actor=staff(mod)) for _ in range(3)]
    assert [ticket and ticket.subject.username for ticket in taken] == ["old", "young", None]
    assert RecoveryTicket.objects.get(subject__username="old").assigned_to == mod
    last = assignment.take_next(actor=staff(make_admin()))
    assert last is not None
    assert last.subject.username == "mod"


def test_take_next_opens_the_ticket_and_says_when_there_is_none(db: None) -> None:
    client, ticket = browser(make_moderator()), new_ticket("kim")
    assert client.get(f"{QUEUE}next/").status_code == 405
    assert client.post(f"{QUEUE}next/").headers["Location"] == f"{QUEUE}{ticket.pk}/change/"
    assert b"No ticket waits" in client.post(f"{QUEUE}next/", follow=True).content
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_ASSIGN).count() == 1


def test_an_auditor_takes_nothing_and_the_refusal_is_written_down(db: None) -> None:
    new_ticket("kim")
    auditor = browser(factories.make_user("olga", staff=True, groups=["Auditors"]))
    assert b"You may not do this" in auditor.post(f"{QUEUE}next/", follow=True).content
    assert RecoveryTicket.objects.get().assigned_to is None
    event = Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_REFUSED).get()
    assert (event.actor_name, event.data["verb"]) == ("olga", "take_next")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_who_click_at_once_get_one_ticket_each() -> None:
    people = [make_moderator(f"mod{number}") for number in range(8)]
    for number in range(8):
        new_ticket(f"user{number}")
    start, got = threading.Barrier(8), []

    def take_next(person: User) -> None:
        start.wait()
        ticket = assignment.take_next(actor=staff(person))
        got.append(ticket.pk if ticket else None)
        connections.close_all()

    threads = [threading.Thread(target=take_next, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [pk for pk in got if pk]
    assert len(taken) == len(set(taken)) >= 1
    holders = RecoveryTicket.objects.exclude(assigned_to=None)
    assert {ticket.pk for ticket in holders} == set(taken)


# Snoozing and giving away ---------------------------------------------------------------------------------------------


def test_a_snoozed_ticket_is_out_of_our_turn_until_its_time(db: None) -> None:
    mod, ticket = make_moderator(), new_ticket("kim")
    client = browser(mod)
    assignment.snooze(ticket.pk, actor=staff(mod), until=database_now() + DAY)
    assert listed(client) == []
    assert listed(client, queue="all", flag="snoozed") == ["kim"]
    RecoveryTicket.objects.update(snoozed_until=database_now() - timedelta(seconds=1))
    assert listed(client) == ["kim"]


def test_a_change_of_turn_wakes_a_ticket(db: None) -> None:
    mod, ticket = make_moderator(), new_ticket("kim")
    assignment.snooze(ticket.pk, actor=staff(mod), until=database_now() + DAY)
    RecoveryTicket.objects.update(turn_since=database_now() + timedelta(seconds=1))
    assert listed(browser(mod)) == ["kim"]


@pytest.mark.parametrize("days", [-1, 0, 31, 10_000])
def test_nothing_is_put_off_for_ever(db: None, days: int) -> None:
    ticket = new_ticket("kim")
    with pytest.raises(errors.BadSnooze):
        assignment.snooze(ticket.pk, actor=staff(make_moderator()), until=database_now() + days * DAY)


def test_several_tickets_are_given_to_somebody_at_once(db: None) -> None:
    jon, client = make_moderator("jon"), browser(make_moderator())
    one, two, own = new_ticket("kim"), new_ticket("lee"), make_ticket(jon, Status.NEW)
    chosen = [one.pk, two.pk, own.pk]
    answer = client.post(
        f"{QUEUE}act/",
        {"ticket": chosen, "action": "assign", "to": "jon", "view": "queue=mine&with=<&x=1"},
        follow=True,
    )
    assert b"2 tickets changed." in answer.content
    assert b"You cannot work on a ticket about your own account" in answer.content
    assert answer.redirect_chain[0][0] == f"{QUEUE}?queue=mine&with=%3C"
    assert set(RecoveryTicket.objects.filter(assigned_to=jon)) == {one, two}


def test_nothing_heavy_can_be_done_to_several_tickets(db: None) -> None:
    assert set(buttons.BULK) == {"assign", "snooze"}
    client, ticket = browser(make_admin()), make_ticket(factories.make_user("kim"), Status.READY)
    for action in ("reset", "approve", "reject", "challenge", "reply", ""):
        client.post(f"{QUEUE}act/", {"ticket": [ticket.pk], "action": action, "reason": "a long enough reason"})
    assert RecoveryTicket.objects.get().status == Status.READY
    assert RecoveryTicket.objects.get().version == ticket.version


def test_a_ticket_goes_to_nobody_who_may_not_work_it(db: None) -> None:
    ticket = new_ticket("kim")
    olga = factories.make_user("olga", staff=True, groups=["Auditors"])
    with pytest.raises(errors.NotAllowed):
        assignment.assign(ticket.pk, actor=staff(make_moderator()), to=olga)


def test_turns_of_theirs_and_of_the_owner_are_one_queue(db: None) -> None:
    make_ticket(factories.make_user("kim"), turn=Turn.THEIRS)
    make_ticket(factories.make_user("lee"), turn=Turn.THEIRS)
    assert len(listed(browser(make_moderator()), queue="theirs")) == 2


# Sorting, and everything at once -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", queue.SORTS)
def test_every_head_sorts_both_ways_and_keeps_the_view(db: None, name: str) -> None:
    ann, zoe = new_ticket("ann"), make_ticket(factories.make_user("zoe"), Status.READY)
    lin, mod = make_moderator("lin"), make_moderator()
    RecoveryTicket.objects.filter(pk=ann.pk).update(
        assigned_to=lin, turn_since=database_now() - 3 * DAY, opened_at=database_now() - 3 * DAY
    )
    RecoveryTicket.objects.filter(pk=zoe.pk).update(assigned_to=mod)
    client = browser(mod)
    first, again = (listed(client, queue="all", sort=f"{sign}{name}") for sign in ("", "-"))
    assert (sorted(first), first) == (["ann", "zoe"], again[::-1])
    page = client.get(QUEUE, {"queue": "all", "claim": "second_factor", "sort": name})
    assert page.context["heads"][name].query == f"queue=all&claim=second_factor&sort=-{name}"
    assert page.content.decode().count('aria-sort="ascending"') == 1


def test_a_sort_nobody_offers_counts_as_none(db: None) -> None:
    assert queue.Asked.of({"sort": "subject__password"}).sort == ""


def test_the_last_tab_holds_every_ticket(db: None) -> None:
    new_ticket("ann")
    make_ticket(factories.make_user("zoe"), Status.REJECTED, turn="nobody")
    client = browser(make_moderator())
    shown = client.get(QUEUE, {"queue": "all"})
    assert listed(client, queue="all") == ["ann", "zoe"]
    assert ("all", "2") in [(name, count) for name, _title, count, _chosen in shown.context["tabs"]]
    assert b"Found in all queues" not in shown.content
    assert b'id="choose-all"' in shown.content


@pytest.mark.parametrize(
    ("claim", "asked", "shown"),
    [(Claim.EMAIL, False, True), (Claim.EMAIL, True, False), (Claim.SECOND_FACTOR, False, False)],
)
def test_a_claim_that_nothing_grants_is_flagged_and_found_by_its_flag(
    ada: User, claim: Claim, asked: bool, shown: bool
) -> None:
    ticket = make_ticket(ada, claim=claim, contact="new@example.org")
    if asked:
        add_boundary(ticket)
    client = browser(make_moderator())
    for query in ("queue=all", "queue=all&flag=out_of_reach"):
        page = client.get(f"{QUEUE}?{query}").content.decode()
        assert ('<span aria-hidden="true">!</span> out of reach' in page) == shown
    found = RecoveryTicket.objects.filter(flags.FLAGS["out_of_reach"].condition)
    assert (ticket in found) == shown == policy.out_of_reach(cases.read_case(ticket, database_now()))
