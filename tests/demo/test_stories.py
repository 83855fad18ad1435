"""The sample data: one ticket of each kind, brought about by the verbs, and no rule broken."""

from pathlib import Path

import pytest

from common.clock import database_now
from recoverydesk.demo import histories, people, registry, stories
from recoverydesk.invariants import rules
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.desk import flags as desk_flags
from recoverydesk.recovery.desk import trends
from recoverydesk.recovery.models import Claim, Mention, RecoveryTicket, Status, Turn

pytestmark = pytest.mark.django_db
ORIGIN = "https://code.example"  # no host that answers: the looks fail, the tickets stand


@pytest.fixture
def sample(db: None, tmp_path: Path) -> None:
    users = people.make_people()
    registry.make_registry(users, tmp_path, ORIGIN)
    histories.make_histories(users)
    stories.play_stories(users, tmp_path)


def of(username: str) -> RecoveryTicket:
    return RecoveryTicket.objects.filter(subject__username=username).latest("id")


def flags(username: str) -> set[str]:
    ticket = of(username)
    return {
        name
        for name, flag in desk_flags.FLAGS.items()
        if flag.stands(ticket, ticket.opened_at, ticket.boundaries.count())
    }


@pytest.mark.usefixtures("sample")
def test_the_desk_shows_one_ticket_of_each_kind_and_breaks_no_rule() -> None:
    assert [str(one) for one in rules.check_rules()] == []
    tickets = RecoveryTicket.objects.all()
    assert set(tickets.values_list("status", flat=True)) == set(Status.values)
    assert set(tickets.values_list("claim", flat=True)) == set(Claim.values)
    assert (of("kofi").contact, of("kofi").other_proofs.get().kind) == ("kofi@new.example.org", "password")
    assert of("lior").mailbox_confirmed_at is None
    assert of("maya").mailbox_confirmed_at is not None
    assert of("tara").mailbox_confirmed_at is not None
    assert of("nils").boundaries.get(exceptions__approved=True).namespace == "nils-archive"
    assert flags("olga") == {"disputed"}
    assert (flags("pia"), of("pia").turn) == ({"objected"}, Turn.OURS)
    assert of("quin").facts["frozen"]
    assert of("rene").facts["staff"]
    assert Mention.objects.get().user.username == "jon"


@pytest.mark.usefixtures("sample")
def test_the_closed_tickets_are_spread_over_the_weeks_the_desk_draws() -> None:
    bars = trends.trend(database_now())
    assert sum(bar.open > 0 for bar in bars) >= 9
    assert len({bar.open for bar in bars[:-1]}) >= 3


@pytest.mark.usefixtures("sample")
def test_the_worker_goes_on_from_there_without_breaking_a_rule() -> None:
    sweep.sweep()
    assert [str(one) for one in rules.check_rules()] == []
    assert of("sam").status == Status.CHALLENGED
