"""The figures: what goes in comes out again, and what the pages show of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source
from recoverydesk.statistics import computing, showing
from recoverydesk.statistics.models import Figures
from tests.helpers.factories import add_codes, add_role, add_totp, make_project, make_user
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
NOW = datetime(2019, 9, 12, tzinfo=UTC)


INSERT = """
    INSERT INTO audit_event (time, tag, actor_name, subject_name, project_name, data, commitment)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)
    SELECT {time}, 'account:login:success', 'x', '', '', {data}, '' FROM n
"""


def sign_in_events(month: int, methods: dict[str, int]) -> None:
    """Many thousands of them: past the models, which would take a minute."""
    time, data = f"'2019-{month:02}-15 00:00:00'", "%s"
    if connection.vendor == "postgresql":
        time, data = f"timestamptz {time}", "%s::jsonb"
    with connection.cursor() as cursor:
        for method, count in methods.items():
            cursor.execute(INSERT.format(time=time, data=data), [count, json.dumps({"method": method})])


def test_the_figures_of_2019_come_out_again() -> None:
    """Sign-ins with a second factor on PyPI from May to August 2019: 2.25, 3.08, 4.54, 11.61 per cent."""
    for month, with_factor in ((5, 225), (6, 308), (7, 454), (8, 1161)):
        sign_in_events(month, {"password": 10_000 - with_factor, "totp": with_factor - 50, "webauthn": 50})
    rows = computing.sign_ins(NOW, [])
    assert [row[:3] for row in rows] == [
        ["2019-05", 10_000, 2.25],
        ["2019-06", 10_000, 3.08],
        ["2019-07", 10_000, 4.54],
        ["2019-08", 10_000, 11.61],
    ]
    assert rows[3][3:] == [11.11, 0.5, 0.0]


def test_the_tokens_of_2019_come_out_again() -> None:
    """After one day of API tokens on PyPI: 55 for one project and 68 for the whole account, of 123."""
    ada = make_user("ada")
    ApiToken.objects.bulk_create(
        ApiToken(user=ada, name=f"t{n}", project_name="sample" if n < 55 else "", project_uid=uuid4())
        for n in range(123)
    )
    ApiToken.objects.create(user=ada, name="revoked", revoked_at=database_now())
    assert computing.tokens() == [["project", 55, 44.72], ["user", 68, 55.28]]


def test_months_that_are_over_are_not_counted_again() -> None:
    sign_in_events(8, {"password": 3, "recovery_code": 1})
    known = [["2019-06", 7, 50.0, 50.0, 0.0, 0.0], ["2019-08", 9, 9.0, 9.0, 0.0, 0.0]]
    assert computing.sign_ins(NOW, known) == [known[0], ["2019-08", 4, 25.0, 0.0, 0.0, 25.0]]


def test_median_and_90th_percentile_are_of_the_time_in_a_status() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for ticket in range(1, 11):
        moves: list[tuple[Tag, float, dict[str, str]]] = [
            (Tag.ACCOUNT_RECOVERY_OPEN, 0, {}),
            (Tag.ACCOUNT_RECOVERY_RESEND, 0.5, {"status": "new"}),
            (Tag.ACCOUNT_RECOVERY_CHALLENGE, 1, {"was": "new"}),
            (Tag.ACCOUNT_RECOVERY_ADVANCE, 1 + ticket, {"was": "challenged"}),
        ]
        Event.objects.bulk_create(
            Event(tag=tag, actor_name="system", ticket=ticket, time=start + timedelta(hours=hours), data=data)
            for tag, hours, data in moves
        )
    rows = {row[0]: row[1:] for row in computing.tickets()}
    assert rows["new"] == [0, 1.0, 1.0]
    assert rows["challenged"] == [0, 5.5, 9.0]
    assert rows["waiting"] == [0, None, None]


def ticket(subject: User, status: str, **fields: Any) -> RecoveryTicket:
    return RecoveryTicket.objects.create(
        subject=subject, claim=Claim.SECOND_FACTOR, contact=f"{uuid4()}@example.org", source=Source.FORM, status=status,
        requested_at=NOW, nonce="n", key_id="k", closed_at=None if status == "new" else NOW, **fields,
    )  # fmt: skip


def test_tickets_and_outcomes_are_counted() -> None:
    ada = make_user("ada")
    done: dict[str, Any] = {"completed_at": NOW, "reset_by": ada}
    for status, count, fields in (("new", 2, {}), ("stopped", 1, {}), ("rejected", 1, {}), ("completed", 2, done)):
        for _ in range(count):
            ticket(ada, status, **fields)
    assert {row[0]: row[1] for row in computing.tickets() if row[1]} == {
        "new": 2, "stopped": 1, "rejected": 1, "completed": 2,
    }  # fmt: skip
    assert computing.outcomes() == [["automatic", 0, 0.0], ["completed", 2, 50.0], ["stopped", 1, 25.0]]


def test_tickets_are_counted_by_the_doubt_they_wait_for(django_assert_num_queries: Callable[[int], Any]) -> None:
    ada = make_user("ada")
    done: dict[str, Any] = {"completed_at": NOW, "reset_by": ada}
    for status, fields in (("new", {}), ("new", {"doubt": 3}), ("stopped", {"doubt": 3}), ("completed", done)):
        ticket(ada, status, **{"doubt": 1, **fields} if fields is done else fields)
    with django_assert_num_queries(1):
        rows = computing.doubts()
    assert rows == [
        ["0", 0, 0, 0], ["1", 0, 1, 0], ["2", 0, 0, 0], ["3", 1, 0, 1], ["4", 0, 0, 0], ["5", 0, 0, 0],
        ["none", 1, 0, 0],
    ]  # fmt: skip
    first = showing.tables({"doubts": rows})[list(showing.HEADINGS).index("doubts")].rows[0]
    assert first == ["0: The account has no project", 0, 0, 0]


def test_all_figures_take_as_many_queries_whatever_there_is(django_assert_num_queries: Callable[[int], Any]) -> None:
    for name in ("ada", "kim"):
        ticket(make_user(name), "new", doubt=2)
        with django_assert_num_queries(9):
            computing.compute(NOW)


def test_enrolment_and_critical_projects() -> None:
    ada, kim, _lee = make_user("ada"), make_user("kim"), make_user("lee")
    add_totp(ada)
    add_codes(ada)
    safe = make_project("safe", ada, critical=True)
    shared = make_project("shared", ada, critical=True)
    add_role(shared, kim)
    make_project("common", kim)
    assert computing.enrolment() == [
        ["accounts", 3, 100.0],
        ["totp", 1, 33.33],
        ["webauthn", 0, 0.0],
        ["recovery_code", 1, 33.33],
        ["none", 2, 66.67],
    ]
    assert computing.critical() == [["critical", 2, 100.0], ["protected", 1, 50.0]]
    add_totp(kim)
    assert computing.critical()[1] == ["protected", 2, 100.0]
    assert safe.critical


def test_they_are_computed_at_most_once_an_hour(django_assert_num_queries: Callable[[int], Any]) -> None:
    assert [computing.refresh(), computing.refresh()] == [1, 0]
    with django_assert_num_queries(2):
        computing.refresh()
    Figures.objects.update(due_at=database_now() - timedelta(minutes=1))
    assert computing.refresh() == 1


def test_every_row_has_words_and_a_bar() -> None:
    computing.refresh()
    sign_in_events(8, {"password": 1, "totp": 1})
    tables = showing.tables({**Figures.objects.get().tables, "sign_ins": computing.sign_ins(NOW, [])})
    assert [table.name for table in tables] == list(showing.HEADINGS)
    for table in tables:
        assert all(len(row) == len(table.heading.columns) for row in table.rows)
        assert all(0 <= bar <= showing.BAR for bar in table.bars)
        assert len(table.bars) == len(table.rows)
        assert all(row[0] not in ("automatic", "totp", "protected") for row in table.rows)


# Pages ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A browser of a member of staff behind the gate."""
    clerk = make_user("clerk", staff=True, groups=["Auditors"])
    device, _secret = add_totp(clerk)
    client.force_login(clerk)
    session = client.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    return client


def test_each_number_has_its_bar_beside_it_and_no_label_is_cut(desk: Client) -> None:
    computing.refresh()
    page = desk.get(reverse("admin:statistics_figures_changelist")).content.decode()
    shown = showing.tables(Figures.objects.get().tables)
    bars = sum(len(table.rows) for table in shown if not table.empty)
    assert page.count('<svg viewBox="0 0 100 10"') == bars > 0
    assert page.count("<tbody>") == sum(bool(table.rows) for table in shown)
    assert "style=" not in page
    for table in shown:
        assert all(f'<th scope="row">{escape(row[0])}</th>' in page for row in table.rows)


def test_where_every_number_is_nothing_there_is_no_drawing(desk: Client) -> None:
    rows = [[name, 0, 0, 0] for name in ("new", "ready")]
    table = next(one for one in showing.tables({"tickets": rows}) if one.name == "tickets")
    assert (table.empty, table.bars) == (True, [0.0, 0.0])


def test_staff_get_the_same_as_json_and_csv(desk: Client) -> None:
    computing.refresh()
    said = json.loads(desk.get(reverse("admin:statistics_json")).content)
    assert said["enrolment"] == Figures.objects.get().tables["enrolment"]
    body = b"".join(desk.get(reverse("admin:statistics_csv", args=["tokens"])).streaming_content).decode()  # type: ignore[attr-defined]
    assert body.splitlines()[0] == "\ufeffScope,Tokens,Per cent"
    assert desk.get(reverse("admin:statistics_csv", args=["nothing"])).status_code == 404


def test_before_the_first_computing_the_page_says_so(desk: Client) -> None:
    assert "Nothing is computed yet." in desk.get(reverse("admin:statistics_figures_changelist")).content.decode()


@pytest.mark.parametrize("name", ["statistics_figures_changelist", "statistics_json"])
def test_others_see_nothing(client: Client, name: str) -> None:
    assert client.get(reverse(f"admin:{name}")).status_code == 302
    client.force_login(make_user("ada"))
    assert client.get(reverse(f"admin:{name}")).status_code in (302, 403)
