"""`manage.py ticket` and `manage.py sweep`: the desk from a shell, through the same verbs and permissions."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects import services
from recoverydesk.recovery import notices
from recoverydesk.recovery.background import intake, sweep
from recoverydesk.recovery.models import RecoveryTicket, Source, Status
from tests.helpers import factories
from tests.helpers.hosts import Host
from tests.helpers.tickets import DAY, add_boundary, make_admin, make_moderator, make_ticket, refusals

pytestmark = pytest.mark.django_db
CLAIM = ("--claim", "second_factor")


def run(*words: str) -> list[dict[str, Any]]:
    """The JSON lines a command prints."""
    out = io.StringIO()
    call_command("ticket", *words, "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def refused(*words: str, by: str) -> None:
    with pytest.raises((CommandError, SystemExit), match=by):
        run(*words)


def test_open_makes_a_ticket_and_says_so(ada: User) -> None:
    factories.make_project("tool", ada, urls=[("Source", "https://github.com/ada/tool")])
    (told,) = run("open", "--user", "ADA", *CLAIM)
    ticket = RecoveryTicket.objects.get()
    assert (told["number"], told["user"], told["status"], told["joined"]) == (ticket.pk, "ada", "new", False)
    assert (told["claim"], told["turn"], told["contact"]) == ("second_factor", "ours", "ada@example.org")
    (boundary,) = told["boundaries"]
    assert (boundary["host"], boundary["namespace"], boundary["kind"]) == ("github.com", "ada", "asked")
    assert boundary["repositories"] == ["https://github.com/ada/tool"]
    assert ticket.source == Source.SHELL
    assert not Mail.objects.exists()


def test_open_again_joins(ada: User) -> None:
    run("open", "--user", "ada", *CLAIM)
    (told,) = run("open", "--user", "ada", *CLAIM)
    assert told["joined"] is True
    assert RecoveryTicket.objects.count() == 1


def test_requested_at_dates_the_request(ada: User) -> None:
    when = database_now() - 100 * DAY
    project = factories.make_project("tool", ada, urls=[("Source", "https://github.com/ada/tool")])
    services.record_release(
        project, version="2", uploaded_at=when + DAY, urls=[("Source", "https://github.com/later/tool")]
    )
    (told,) = run("open", "--user", "ada", *CLAIM, "--requested-at", when.isoformat())
    assert [row["namespace"] for row in told["boundaries"]] == ["ada"]
    assert told["requested_at"] == when.isoformat()


def test_a_time_in_the_future_is_now(ada: User) -> None:
    run("open", "--user", "ada", *CLAIM, "--requested-at", "2999-01-01")
    assert RecoveryTicket.objects.get().requested_at <= database_now()


@pytest.mark.parametrize(
    ("words", "by"),
    [
        (("open", "--user", "nobody", *CLAIM), "UnknownSubject"),
        (("open", "--user", "ada", "--claim", "email"), "NoContact"),
        (("open", "--user", "ada", "--claim", "nonsense"), "invalid choice"),
        (("open", "--user", "ada", *CLAIM, "--contact", "thief@example.com"), "NoContact"),
        (("open", "--user", "ada", *CLAIM, "--requested-at", "yesterday"), "not a time"),
        (("open", "--user", "ada", *CLAIM, "--requested-at", "2026-02-30T00:00"), "not a time"),
        (("open", "--user", "ada", *CLAIM, "--link", "https://evil.example/1"), "RECOVERY_ISSUE_TRACKER"),
        (("open", "--user", "ada", *CLAIM, "--actor", "ada"), "NotAllowed"),
        (("open", "--user", "ada", *CLAIM, "--actor", "missing"), "no account"),
        (("show", "99"), "no ticket"),
        (("check", "99"), "no ticket"),
        (("show", "x"), "invalid int"),
        (("list", "--actor", "ada"), "NotAllowed"),
    ],
)
def test_what_is_refused_is_named(ada: User, words: tuple[str, ...], by: str) -> None:
    refused(*words, by=by)
    assert not RecoveryTicket.objects.exists()


def test_an_issue_under_the_tracker_is_kept(ada: User, settings: Any) -> None:
    settings.RECOVERY_ISSUE_TRACKER = "https://github.com/example/support/issues/"
    run("open", "--user", "ada", *CLAIM, "--link", "https://github.com/example/support/issues/7")
    assert RecoveryTicket.objects.get().issue_url.endswith("/7")


def test_staff_open_for_others_and_not_for_themselves(ada: User) -> None:
    make_moderator("mod")
    run("open", "--user", "ada", *CLAIM, "--actor", "mod")
    assert Event.objects.get(ticket__isnull=False).actor_name == "mod"
    refused("open", "--user", "mod", *CLAIM, "--actor", "mod", by="OwnTicket")


def test_an_account_without_a_verified_address_cannot_be_helped(db: None) -> None:
    factories.make_user("kim", verified=False)
    refused("open", "--user", "kim", *CLAIM, by="NoContact")


def test_show_tells_what_is_missing_and_no_secret(ada: User) -> None:
    ticket = make_ticket(ada)
    add_boundary(ticket)
    make_admin("grace")
    for words in (("show", str(ticket.pk)), ("show", str(ticket.pk), "--actor", "grace")):
        (told,) = run(*words)
        assert told["next_step"] == "probe"
        assert len(told["missing"]) == 3
        assert notices.token_of(ticket) not in json.dumps(told)
    refused("show", str(ticket.pk), "--actor", "ada", by="NotAllowed")


def test_list_has_the_open_ones_longest_turn_first(ada: User) -> None:
    old = make_ticket(factories.make_user("kim"), Status.READY, turn_since=database_now() - DAY)
    new = make_ticket(ada)
    make_ticket(factories.make_user("lee"), Status.REJECTED)
    assert [row["number"] for row in run("list")] == [old.pk, new.pk]


@pytest.mark.parametrize("verb", ["open", "show", "list"])
def test_without_json_it_speaks_in_words(ada: User, verb: str) -> None:
    ticket = make_ticket(factories.make_user("kim"))
    words = {"open": ["--user", "ada", *CLAIM], "show": [str(ticket.pk)], "list": []}
    out = io.StringIO()
    call_command("ticket", verb, *words[verb], stdout=out)
    assert "second_factor" in out.getvalue()


def test_check_looks_now_at_real_repositories(ada: User, host: Host, tmp_path: Path) -> None:
    url = host.create("ada/tool")
    factories.make_project("tool", ada, urls=[("Source", url)])
    run("open", "--user", "ada", *CLAIM)
    call_command("sweep")
    ticket = RecoveryTicket.objects.get()
    (told,) = run("check", str(ticket.pk))
    assert told["boundaries"][0]["last_verdict"] == "missing"
    host.push(url, notices.token_of(ticket), tmp_path)
    make_moderator("mod")
    (told,) = run("check", str(ticket.pk), "--actor", "mod")
    assert told["boundaries"][0]["last_verdict"] == "missing"  # what was seen within a minute is the answer
    ticket.boundaries.update(last_probed_at=database_now() - DAY)
    (told,) = run("check", str(ticket.pk), "--actor", "mod")
    assert told["boundaries"][0]["proved_at"] is not None
    assert (told["status"], told["boundaries"][0]["last_verdict"]) == ("waiting", "found")


def test_check_is_for_challenged_tickets_and_who_may_work(ada: User) -> None:
    ticket = make_ticket(ada, Status.NEW)
    refused("check", str(ticket.pk), by="InvalidTransition")
    challenged = make_ticket(factories.make_user("kim"))
    factories.grant(factories.make_user("looker", staff=True), "view_recoveryticket")
    refused("check", str(challenged.pk), "--actor", "looker", by="NotAllowed")
    assert refusals(challenged)[-1]["verb"] == "check_now"


def test_sweep_does_what_is_due_and_is_quiet(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    intake.note_request(username="ada", claim="second_factor", says_codes_lost=True, network="")
    call_command("sweep")
    assert RecoveryTicket.objects.get().status == Status.CHALLENGED
    assert capsys.readouterr().out == ""
    out = io.StringIO()
    call_command("sweep", verbosity=2, stdout=out)
    assert "requests: 0" in out.getvalue()
    assert set(sweep.sweep()) >= {"requests", "challenged", "mails", "clocks", "probes", "waits", "expired"}
