"""The timeline: what one step did in one second stands in one line, times are how long ago, and zeros are left out."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from recoverydesk.recovery import wording, workflow
from recoverydesk.recovery.desk.timeline import WRITTEN, Line, fold
from recoverydesk.recovery.models import Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.templatetags import desk_tags
from tests.helpers import factories
from tests.helpers.desk import browser, page
from tests.helpers.tickets import add_boundary, make_moderator, make_ticket

AT = datetime(2026, 5, 4, 12, 0, 0, 1, tzinfo=UTC)


def line(kind: str, key: str, *, seconds: float = 0) -> Line:
    return Line(key, AT + timedelta(seconds=seconds), kind, "", key)


def test_what_one_step_did_in_one_second_is_folded_under_its_event() -> None:
    lines = [
        line("mail", "a"),
        line("event", "b", seconds=0.1),
        line("mail", "c", seconds=0.2),
        line("mail", "d", seconds=1),
    ]
    told = fold(lines)
    assert [(one.key, [under.key for under in one.folded]) for one in told] == [("b", ["a", "c"]), ("d", [])]


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_a_person_wrote_is_never_folded_away(kind: str) -> None:
    told = fold([line("event", "a"), line(kind, "b"), line(kind, "c"), line("mail", "d")])
    assert {one.key for one in told} == {"a", "b", "c"}
    assert not any(one.folded for one in told if one.kind == kind)


def test_no_line_is_lost() -> None:
    lines = [
        line(kind, f"{kind}{second}", seconds=second / 3)
        for kind in ("event", "mail", "probe", "note")
        for second in range(9)
    ]
    told = fold(sorted(lines, key=lambda one: one.at))
    assert sorted(one.key for head in told for one in (head, *head.folded)) == sorted(one.key for one in lines)


def test_a_time_says_how_long_ago_and_exactly_when_to_eye_and_ear() -> None:
    shown = str(desk_tags.ago(AT, AT + timedelta(hours=3)))
    exact = "2026-05-04 12:00:00 UTC"
    assert shown == (
        f'<time datetime="{AT.isoformat()}" title="{exact}">3\xa0hours ago'
        f'<span class="visually-hidden"> ({exact})</span></time>'
    )


@pytest.mark.django_db
def test_the_page_of_a_ticket_folds_and_has_its_composer_before_its_story(ada: User) -> None:
    factories.add_totp(ada)
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    content = browser(make_moderator()).get(page(ticket)).content.decode()
    assert re.search(r'<details id="with-event-\d+">\s*<summary>and \d more in the same second', content)
    assert content.index('id="reply-text"') < content.index('id="facts-title"') < content.index('id="timeline-title"')
    assert (
        'action="/admin/recovery/recoveryticket/next/"' in content
    )  # it is not our turn: the next one is a click away


@pytest.mark.django_db
def test_after_a_decision_the_next_ticket_is_a_click_away_and_not_before(ada: User) -> None:
    client = browser(make_moderator())
    for status, turn, offered in ((Status.NEW, "ours", 0), (Status.REJECTED, "nobody", 1)):
        ticket = make_ticket(ada, status, turn=turn)
        content = client.get(page(ticket)).content.decode()
        assert content.count(">Take next ticket<") == offered, status
        ticket.delete()


def test_what_a_reset_takes_names_no_zero() -> None:
    said = wording.counted(totp=1, webauthn=0, codes=8, sessions=0, tokens=2)
    assert said == {"factors": "1 authenticator app, 8 recovery codes", "sessions": "", "tokens": "2 API tokens"}
