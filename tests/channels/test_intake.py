"""`manage.py intake`: a form becomes one request, or a question; the body as opened counts."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.mail.models import Mail, Request
from accounts.models import User
from common import keys
from common.clock import database_now
from recoverydesk.channels import filing, issue_forms, sweeping
from recoverydesk.channels.filing import Outcome
from recoverydesk.channels.models import TEXT, IssueForm
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Source
from tests.helpers import factories

pytestmark = pytest.mark.django_db
TRACKER = "https://issues.example/support"
ISSUE = f"{TRACKER}/issues/7"
FORM = "### PyPI Username\n\n`{}`\n\n### Reason for request\n\nLost 2FA authentication app or security token\n"


@pytest.fixture(autouse=True)
def ada(settings: Any) -> User:
    settings.RECOVERY_ISSUE_TRACKER = TRACKER
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


def write(tmp_path: Path, body: str) -> str:
    path = tmp_path / "body.md"
    path.write_text(body)
    return str(path)


def run(*arguments: str) -> tuple[dict[str, Any], int]:
    """The command's JSON and its exit code."""
    out, code = io.StringIO(), 0
    try:
        call_command("intake", *arguments, "--json", stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return json.loads(out.getvalue()), code


def test_a_form_becomes_one_request_and_the_sweep_a_challenged_ticket(tmp_path: Path, ada: User) -> None:
    said, code = run(write(tmp_path, FORM.format("Ada")), "--link", ISSUE, "--author-id", "583231")
    assert said == {
        "username": "Ada", "claim": "second_factor", "has_recovery_codes": None, "problems": [], "outcome": "request",
    }  # fmt: skip
    assert code == 0
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    assert (ticket.subject, ticket.issue_url, ticket.source) == (ada, ISSUE, Source.ISSUE)
    assert Mail.objects.filter(kind__startswith="recovery_challenge", recipient="ada@example.org").exists()
    row = IssueForm.objects.get()
    assert (row.author_id, row.request) == (583231, Request.objects.get())
    assert keys.decrypt(TEXT, bytes(row.body)).decode() == FORM.format("Ada")


def test_a_form_that_leaves_something_to_ask_becomes_no_request(tmp_path: Path) -> None:
    said, code = run(write(tmp_path, FORM.format("ada` or `bob")))
    assert (said["username"], said["problems"], said["outcome"], code) == (None, ["no_name"], "question", 1)
    assert not Request.objects.exists()
    assert IssueForm.objects.get().problems == ["no_name"]


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    said, code = run(write(tmp_path, FORM.format("ada")), "--dry-run")
    assert (said["username"], said["outcome"], code) == ("ada", None, 0)
    assert not IssueForm.objects.exists()
    assert not Request.objects.exists()


def test_the_body_as_opened_counts_and_an_edit_that_names_another_opens_nothing_and_is_kept() -> None:
    factories.add_totp(factories.make_user("bob"))
    assert filing.file(FORM.format("ada"), url=ISSUE)[1] == Outcome.REQUEST
    assert filing.file(FORM.format("ADA") + "\n\nThanks!", url=ISSUE)[1] == Outcome.KNOWN
    assert filing.file(FORM.format("bob"), url=ISSUE)[1] == Outcome.EDITED
    assert filing.file(FORM.format("bob"), url=ISSUE)[1] == Outcome.EDITED
    sweep.sweep()
    assert [ticket.subject.username for ticket in RecoveryTicket.objects.all()] == ["ada"]
    row = IssueForm.objects.get()
    assert (row.username, row.edited_name, row.edited_at is not None) == ("ada", "bob", True)


def test_a_question_is_not_answered_by_an_edit() -> None:
    """Else whoever may edit issues could put a name under somebody's words."""
    assert filing.file(FORM.format("ada` `bob"), url=ISSUE)[1] == Outcome.QUESTION
    assert filing.file(FORM.format("ada"), url=ISSUE)[1] == Outcome.EDITED
    assert not Request.objects.exists()


def test_the_authors_number_proves_nothing(ada: User) -> None:
    """Two issues of different authors about one account lead to one ticket and the same challenge."""
    filing.file(FORM.format("ada"), url=ISSUE, author_id=1)
    sweep.sweep()
    before = dict[str, Any](RecoveryTicket.objects.values().get())
    filing.file(FORM.format("ada"), url=f"{TRACKER}/issues/8", author_id=2)
    sweep.sweep()
    after = dict[str, Any](RecoveryTicket.objects.values().get())
    same = {name for name in before if name not in ("lease", "leased_until", "version")}
    assert {name: before[name] for name in same} == {name: after[name] for name in same}


def test_who_is_named_changes_neither_answer_nor_number_of_queries(
    django_assert_num_queries: Any, tmp_path: Path
) -> None:
    for name in ("ada", "nobody"):
        with django_assert_num_queries(6):
            said, outcome = filing.file(FORM.format(name))
        assert (said.problems, outcome) == ((), Outcome.REQUEST)


def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(CommandError, match="give a file, or - for standard input"):
        call_command("intake", str(tmp_path / "missing"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="no text in UTF-8"):
        call_command("intake", str(tmp_path / "binary"))
    with pytest.raises(CommandError, match="RECOVERY_ISSUE_TRACKER"):
        call_command("intake", write(tmp_path, FORM), "--link", "https://elsewhere.example/issues/7")
    assert not IssueForm.objects.exists()


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    said, code = run(write(tmp_path, "ä" * 20_000_000))
    assert (said["problems"], code) == (["too_long"], 1)
    assert len(bytes(IssueForm.objects.get().body)) < 8 * issue_forms.LONGEST


def test_what_was_written_is_forgotten_after_its_days(settings: Any) -> None:
    filing.file(FORM.format("ada"), url=ISSUE)
    assert sweeping.sweep() == 0
    IssueForm.objects.update(read_at=database_now() - settings.CHANNELS_KEEP - timedelta(seconds=1))
    assert sweeping.sweep() == 1
    assert (IssueForm.objects.get().body, IssueForm.objects.get().username) == (None, "ada")


def test_standard_input_is_read_and_people_get_words(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FORM.format("ada").encode())))
    call_command("intake", "-")
    assert capsys.readouterr().out == "ada: second_factor\n  request\n"
