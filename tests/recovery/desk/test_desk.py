"""The ticket page and its neighbours: stale forms, presence, replies, the result, the account, the dashboard."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.mail import links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import User
from accounts.templatetags import accounts_tags
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.populating import build, registry
from recoverydesk.populating.chance import Chance
from recoverydesk.populating.registry import Sizes
from recoverydesk.projects import links as project_links
from recoverydesk.projects.models import Release, RepositoryLink
from recoverydesk.recovery import errors, event_words, notices, workflow
from recoverydesk.recovery.desk import assignment, notes, presence, replies, timeline, trends
from recoverydesk.recovery.desk.pages import settings
from recoverydesk.recovery.models import Entry, Probe, RecoveryTicket, ReplyTemplate, Status, Viewer
from recoverydesk.recovery.permissions import SYSTEM, staff
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.recovery.workflow import seen_pages
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser, fields_of, page, push
from tests.helpers.tickets import REASON, add_boundary, make_admin, make_moderator, make_ticket, refusals
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(ada: User) -> RecoveryTicket:
    one = make_ticket(ada, Status.NEW)
    add_boundary(one)
    return one


@pytest.fixture
def mod(db: None) -> User:
    return make_moderator()


def guard(client: Client, ticket: RecoveryTicket) -> dict[str, str]:
    """The hidden fields of a page as its reader has it open."""
    shown = client.get(page(ticket)).context
    return {"version": str(shown["seen"].version), "seen": str(shown["seen"].event)}


# Stale forms ---------------------------------------------------------------------------------------------------------


def test_a_form_on_an_older_version_is_refused_says_what_changed_and_keeps_the_text(
    ticket: RecoveryTicket, mod: User
) -> None:
    client = browser(mod)
    hidden = guard(client, ticket)
    assignment.take_ticket(ticket.pk, actor=staff(make_moderator("lin")))
    answer = push(client, ticket, "note", {**hidden, "text": "a long thought of mine"})
    assert answer.status_code == 409
    words = answer.content.decode()
    assert "changed since you opened this page" in words
    assert "lin</strong> Our staff took on the recovery request" in words
    assert ">a long thought of mine</textarea>" in words
    assert not Entry.objects.exists()
    assert refusals(ticket)[-1] == {"verb": "note", "status": "new", "error": "StaleTicket"}
    assert push(client, ticket, "note", {**guard(client, ticket), "text": "a long thought"}).status_code == 302


def test_a_look_that_brought_no_news_makes_no_form_stale(ticket: RecoveryTicket, mod: User) -> None:
    client = browser(mod)
    hidden = guard(client, ticket)
    RecoveryTicket.objects.update(version=ticket.version + 3)
    assert push(client, ticket, "note", {**hidden, "text": "a thought"}).status_code == 302


@pytest.mark.parametrize("verb", ["take", "reject", "challenge"])
def test_every_weighty_form_is_guarded(ticket: RecoveryTicket, mod: User, verb: str) -> None:
    client = browser(mod)
    hidden = guard(client, ticket)
    notes.add_note(ticket.pk, actor=staff(make_moderator("lin")), text="wait for me")
    before = RecoveryTicket.objects.values().get()
    assert push(client, ticket, verb, {**hidden, "reason": REASON}).status_code == 409
    assert RecoveryTicket.objects.values().get() == before


# Presence ------------------------------------------------------------------------------------------------------------


def test_two_who_have_a_ticket_open_hear_of_each_other(ticket: RecoveryTicket, mod: User) -> None:
    lin = make_moderator("lin")
    assert presence.look_in(ticket.pk, mod) == []
    assert [other.username for other in presence.look_in(ticket.pk, lin)] == ["mod"]
    assert b"lin has this open" in browser(mod).get(page(ticket)).content
    Viewer.objects.update(seen_at=database_now() - timedelta(seconds=91))
    assert presence.look_in(ticket.pk, mod) == []


def test_the_poller_says_so_by_a_post(ticket: RecoveryTicket, mod: User) -> None:
    client = browser(mod)
    assert client.get(f"{QUEUE}{ticket.pk}/looking/").status_code == 405
    assert client.post(f"{QUEUE}{ticket.pk}/looking/").status_code == 200
    assert client.post(f"{QUEUE}99/looking/").status_code == 404
    assert Viewer.objects.get().user == mod


# Replies -------------------------------------------------------------------------------------------------------------


def reply_url(ticket: RecoveryTicket) -> str:
    return f"{QUEUE}{ticket.pk}/reply/"


def test_the_first_replies_are_there_and_each_situation_has_its_own(db: None) -> None:
    situations = set(ReplyTemplate.objects.values_list("situation", flat=True))
    assert set(replies.SITUATIONS) <= situations
    assert all(not replies.unknown_fields(one.body) for one in ReplyTemplate.objects.all())


def test_the_reply_that_fits_is_chosen(db: None, mod: User) -> None:
    kim = make_ticket(factories.make_user("kim"), Status.NEW)
    fitting = browser(mod).get(page(kim)).context["fitting"]
    assert fitting.situation == "no_factor"


def test_a_reply_is_looked_at_before_it_is_sent(ticket: RecoveryTicket, mod: User) -> None:
    client = browser(mod)
    template = ReplyTemplate.objects.get(situation="codes")
    shown = client.post(reply_url(ticket), {"template": template.pk, **guard(client, ticket)})
    assert b"Sign in with your password" in shown.content
    assert not Mail.objects.exists()
    draft = shown.context["draft"]
    assert "reset the second factors" not in draft.text
    assert "ada" in draft.text
    sending = {"text": draft.text, "send": "1", "snooze": "1", **fields_of(shown)}
    assert client.post(reply_url(ticket), sending).status_code == 302
    mail = Mail.objects.get()
    assert (mail.kind, mail.recipient, mail.reference) == ("recovery_reply", ticket.contact, ticket.reference)
    assert draft.text in outbox.render(mail).text
    ticket.refresh_from_db()
    assert ticket.snoozed_until is not None
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_REPLY, ticket=ticket.pk).count() == 1


def send(ticket: RecoveryTicket, by: User, text: str) -> Mail:
    """Look at the preview, then send it."""
    seen, draft = seen_pages.seen_of_ticket(ticket), replies.fill(text, ticket)
    mark = replies.mark(ticket, draft, by, seen)
    return replies.send_reply(ticket.pk, actor=staff(by), text=draft.text, previewed=mark, seen=seen)


def test_a_reply_with_a_field_that_has_no_value_is_not_sent(ticket: RecoveryTicket, mod: User) -> None:
    draft = replies.fill("until {wait_until}, {nonsense}", ticket)
    assert draft.lacking == ["nonsense", "wait_until"]
    with pytest.raises(errors.ReplyRefused, match="wait_until"):
        send(ticket, mod, draft.text)


def test_no_secret_leaves_in_a_reply(ticket: RecoveryTicket, mod: User) -> None:
    workflow.challenge(ticket.pk, actor=SYSTEM)
    token = notices.token_of(RecoveryTicket.objects.get())
    for secret in (token, " ".join(token), *(links.key(link) for link in Link.objects.all())):
        with pytest.raises(errors.ReplyRefused, match="a personal link"):
            send(ticket, mod, f"use {secret}")
    assert not Mail.objects.filter(kind="recovery_reply").exists()


def test_the_reply_carries_the_status_link_and_staff_see_it_masked(ticket: RecoveryTicket, mod: User) -> None:
    workflow.challenge(ticket.pk, actor=SYSTEM)
    ticket.refresh_from_db()
    draft = replies.fill("please push", ticket)
    assert "/recover/status/" not in replies.preview(ticket, draft).text
    mail = send(ticket, mod, draft.text)
    assert "/recover/status/" in outbox.render(mail).text
    content = browser(mod).get(f"{QUEUE}{ticket.pk}/mail/{mail.pk}/").content.decode()
    assert "/recover/status/" not in content


def test_an_auditor_replies_nothing(ticket: RecoveryTicket) -> None:
    olga = factories.make_user("olga", staff=True, groups=["Auditors"])
    with pytest.raises(errors.NotAllowed):
        send(ticket, olga, "hello")
    assert refusals(ticket)[-1]["verb"] == "reply"


def test_admins_edit_templates_and_moderators_read_them(db: None, mod: User) -> None:
    url = f"/admin/recovery/replytemplate/{ReplyTemplate.objects.first().pk}/change/"  # type: ignore[union-attr]
    fields = {"name": "New name", "situation": "", "body": "Hello {username}", "active": "on"}
    assert browser(mod).post(url, fields).status_code == 403
    admin = browser(make_admin())
    assert b"The field oops does not exist" in admin.post(url, {**fields, "body": "{oops}"}).content
    assert b"must not contain a branch name" in admin.post(url, {**fields, "body": "000-recovery-abc"}).content
    assert admin.post(url, fields).status_code == 302
    assert ReplyTemplate.objects.filter(name="New name").exists()
    data = Event.objects.get(tag=Tag.REPLY_TEMPLATE_CHANGE).data
    assert (data["template"], data["what"], data["fields"]) == ("New name", "changed", ["name", "situation", "body"])
    assert data["was_called"] != "New name"
    assert admin.post(url, fields).status_code == 302
    assert Event.objects.filter(tag=Tag.REPLY_TEMPLATE_CHANGE).count() == 1  # nothing changed, nothing is written


# The page ------------------------------------------------------------------------------------------------------------


def test_the_timeline_shows_one_kind_when_asked(ticket: RecoveryTicket, mod: User) -> None:
    workflow.challenge(ticket.pk, actor=SYSTEM)
    notes.add_note(ticket.pk, actor=staff(mod), text="looks fine")
    boundary = ticket.boundaries.get()
    for _ in range(3):
        Probe.objects.create(boundary=boundary, url="https://git.example/x", repository="x", verdict=Verdict.MISSING)
    client = browser(mod)

    def kinds(show: str) -> list[str]:
        told = client.get(page(ticket), {"show": show}).context["timeline"]
        return [one.kind for line in told for one in (line, *line.folded)]

    assert kinds("").count("probe") == 1
    assert kinds("probes") == ["probe"] * 3
    assert kinds("notes") == ["note"]
    assert set(kinds("mail")) == {"mail"}
    assert set(kinds("events")) == {"event"}
    assert kinds("nonsense") == kinds("")


def test_the_result_panel_says_what_went_and_a_second_click_who_did_it(ada: User) -> None:
    factories.make_project("tool", ada)
    factories.add_codes(ada)
    ready = make_ticket(ada, Status.READY)
    add_boundary(ready, proved=True)
    admin = browser(make_admin())
    hidden = guard(admin, ready)
    done = push(admin, ready, "reset", {**hidden, "reason": REASON}, follow=True).content.decode()
    assert "Removed: 1 authenticator app, 8 recovery codes." in done
    assert "What the reset did" in done
    again = push(admin, ready, "reset", {**hidden, "reason": REASON}, follow=True)
    assert b"You had done this already, so it was not done again." in again.content
    assert b"Reset by grace on" in again.content
    other = push(browser(make_admin("henry")), ready, "reset", {"reason": REASON})
    assert other.status_code == 409
    assert b"grace had reset this account on" in other.content
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_RESET).count() == 1


def test_where_two_people_decide_the_name_is_typed(ada: User) -> None:
    disputed = make_ticket(ada, Status.READY, disputed_at=database_now() - timedelta(days=9))
    admin = browser(make_admin())
    answer = push(admin, disputed, "approve", {"reason": REASON, "username": "Ada"})
    assert b"Type the username" in answer.content
    assert b"two people decide" in admin.get(page(disputed)).content.lower()


def test_a_page_costs_the_same_however_long_its_story(ticket: RecoveryTicket, mod: User) -> None:
    client = browser(mod)

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            client.get(page(ticket))
        return len(caught)

    one = queries()
    for number in range(20):
        add_boundary(ticket, f"owner{number}")
        notes.add_note(ticket.pk, actor=staff(mod), text="again")
    assert queries() == one <= 26


def test_auditors_read_everything_and_click_nothing(ticket: RecoveryTicket) -> None:
    olga = browser(factories.make_user("olga", staff=True, groups=["Auditors"]))
    content = olga.get(page(ticket)).content.decode()
    assert "The claimant says / we see" in content
    assert "/press/" not in content
    assert "Preview the reply" not in content
    for path in ("/admin/", QUEUE, f"{QUEUE}settings/", f"{QUEUE}account/{ticket.subject_id}/"):
        assert olga.get(path).status_code == 200


# The account ---------------------------------------------------------------------------------------------------------


def test_the_account_page_has_all_of_steps_one_to_four_and_no_secret(ada: User, mod: User) -> None:
    factories.add_codes(ada)
    factories.make_project("engine", ada, urls=[("Source", "https://github.com/lovelace/engine")])
    ApiToken.objects.create(user=ada, name="ci")
    make_ticket(ada, Status.REJECTED, turn="nobody")
    content = browser(mod).get(f"{QUEUE}account/{ada.pk}/").content.decode()
    for word in ("ada@example.org", "verified", "phone", "8 of 8 unused", "engine", "github.com/lovelace", "2024-03-01",
                 "Closed: not verified", "Freeze this account"):  # fmt: skip
        assert word in content
    assert re.search(r"<li>\s*ci\s", content)
    device = ada.totpdevice_set.get()
    for secret in (ada.password, device.raw_secret().hex(), bytes(device.secret).decode()):
        assert secret not in content


def test_the_account_page_is_for_those_who_may_see_accounts(ada: User) -> None:
    clerk = browser(factories.make_user("clerk", staff=True))
    assert clerk.get(f"{QUEUE}account/{ada.pk}/").status_code == 403
    assert clerk.get(f"{QUEUE}settings/").status_code == 403


def test_an_account_page_takes_few_queries_however_much_there_is(ada: User, mod: User) -> None:
    client = browser(mod)
    for number in range(30):
        factories.make_project(f"project{number}", ada, urls=[("Source", f"https://github.com/o{number}/r")])
    with CaptureQueriesContext(connection) as caught:
        client.get(f"{QUEUE}account/{ada.pk}/")
    assert len(caught) <= 26


# Dashboard and settings ----------------------------------------------------------------------------------------------


def test_the_dashboard_says_what_needs_a_person(ticket: RecoveryTicket, mod: User) -> None:
    make_ticket(factories.make_user("kim"), Status.READY)
    content = browser(mod).get("/admin/").content.decode()
    assert "The request does not fit the account" in content
    assert "#1 ada" in re.sub(r"#\d+ ", "#1 ", content)
    assert "<svg" in content
    assert "Open tickets, 12 weeks" in content


def test_open_tickets_are_counted_back_from_now(db: None) -> None:
    now = database_now()
    kim = factories.make_user("kim")
    make_ticket(kim, Status.REJECTED, opened_at=now - timedelta(days=20), closed_at=now - timedelta(days=10))
    make_ticket(kim, Status.NEW, opened_at=now - timedelta(days=3))
    assert [bar.open for bar in trends.trend(now)] == [0] * 9 + [1, 0, 1]


def test_percentiles_are_nearest_ranks() -> None:
    spans = [timedelta(days=day) for day in range(1, 11)]
    assert trends.percentile(spans, 50) == timedelta(days=5)
    assert trends.percentile(spans, 90) == timedelta(days=9)
    assert trends.percentile(spans[:1], 90) == timedelta(days=1)


def test_time_in_each_status_comes_from_the_events(ticket: RecoveryTicket) -> None:
    now = database_now()
    steps = [
        (50, Tag.ACCOUNT_RECOVERY_OPEN, {}),
        (48, Tag.ACCOUNT_RECOVERY_CHALLENGE, {"status": "challenged"}),
        (24, Tag.ACCOUNT_RECOVERY_ADVANCE, {"status": "waiting"}),
        (0, Tag.ACCOUNT_RECOVERY_STOP, {"status": "stopped"}),
    ]
    for hours, tag, data in steps:
        Event.objects.create(time=now - timedelta(hours=hours), tag=tag, actor_name="x", ticket=ticket.pk, data=data)
    stays = trends.stays(now)
    hour = timedelta(hours=1)
    found = {str(stay.status): stay.median for stay in stays}
    assert found == {"New": 2 * hour, "Challenged": 24 * hour, "Waiting period": 24 * hour}
    assert [(stay.line, round(stay.median_width), round(stay.ninetieth_width)) for stay in stays] == [
        (0, 30, 30), (1, 360, 360), (2, 360, 360),
    ]  # fmt: skip


def test_settings_in_force_show_no_secret() -> None:
    shown = dict(settings.in_force())
    assert shown["RECOVERY_AUTO_CHALLENGE"] == "on"
    assert not any(word in name for name in shown for word in settings.UNSAFE)
    assert not {"DATABASE_URL", "BROKER_URL", "EMAIL_URL"} & set(shown)


# Populate ------------------------------------------------------------------------------------------------------------


def test_a_made_up_registry_is_whole_and_the_same_for_the_same_seed(db: None) -> None:
    sizes = Sizes(users=60, projects=50, releases=300, tickets=40, events=500)
    done = build.build(sizes, seed=7, started=lambda name: lambda rows: None)
    assert (done["users"], done["projects"], done["releases"], done["tickets"], done["events"]) == (
        60,
        50,
        300,
        40,
        500,
    )
    assert Release.objects.count() == 300
    connection.check_constraints()
    link = RepositoryLink.objects.select_related("first_release", "last_release").first()
    assert link is not None
    assert link.first_release.project_id == link.project_id
    assert link.first_release.uploaded_at == link.first_seen
    again = build.build(sizes, seed=7, started=lambda name: lambda rows: None)
    assert again["users"] == 60
    first, second = (list(registry.users(_world(sizes))) for _ in range(2))
    assert first == second
    assert RecoveryTicket.objects.open().exists()


def _world(sizes: Sizes) -> registry.World:
    return registry.World(
        sizes, Chance("7"), database_now().replace(hour=0, minute=0, second=0, microsecond=0), {"users": 1}
    )


def test_made_up_links_are_what_the_parser_reads(db: None) -> None:
    build.build(Sizes(100, 200, 250, 0, 0), seed=3, started=lambda name: lambda rows: None)
    for link in RepositoryLink.objects.all():
        assert project_links.parse(link.url) == (link.host, link.namespace, link.repository)


# Words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("claim", "second_factor", "Second factor"),
        ("status", "completed", "Reset done"),
        ("other_proof", "dead_host", "the host is gone"),
        ("error", "OwnTicket", "You cannot work on a ticket about your own account."),
        ("error", "NoLongerKnown", "no longer known"),
        ("again", True, "yes"),
        ("url", "https://git.example/ada/tool", "https://git.example/ada/tool"),
        ("boundaries", 2, "2"),
    ],
)
def test_a_detail_of_an_event_is_said_in_words(key: str, value: object, words: str) -> None:
    assert event_words.detail(key, value) == words


def test_every_choice_kept_in_events_has_its_words_in_the_timeline(ada: User) -> None:
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    lines = timeline.timeline(timeline.story(ticket, list(ticket.boundaries.all())), show="events")
    assert [line.detail for line in lines] == ["status: Challenged · repository owners asked: 1"]


def test_no_length_of_time_is_nothing() -> None:
    now = timezone.now()
    assert accounts_tags.age(now - timedelta(seconds=59), now) == "less than a minute"
    assert accounts_tags.age(now - timedelta(seconds=60), now) == "1\xa0minute"
