"""An issue form becomes one request, or stays a question. The first body of an issue counts, no later one."""

from enum import StrEnum

from django.db import transaction
from django.db.models.functions import Now

from common import keys, wake
from recoverydesk.channels import issue_forms, unmatched
from recoverydesk.channels.issue_forms import Reading
from recoverydesk.channels.models import TEXT, IssueForm
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.models import Source


class Outcome(StrEnum):
    """What became of a form."""

    REQUEST = "request"
    QUESTION = "question"
    KNOWN = "known"  # this issue was read before and names the same account
    EDITED = "edited"  # it was read before and named another account, which is the one that counts


def file(body: str, *, url: str = "", author_id: int | None = None) -> tuple[Reading, Outcome]:
    """Read a form and keep it; one that leaves nothing to ask becomes one request.

    `url` is the issue's, under RECOVERY_ISSUE_TRACKER; the caller has seen to that. "" for a form without an issue.
    """
    reading = issue_forms.read(body)
    with transaction.atomic():
        row, created = _first(reading, body, url, author_id)
        if not created:
            return reading, _read_again(row, reading)
        if reading.problems:
            unmatched.note_question(row)
            return reading, Outcome.QUESTION
        row.request = intake.note_request(
            username=reading.username,
            claim=reading.claim,
            says_codes_lost=not reading.has_recovery_codes,
            network="",
            source=Source.ISSUE,
            issue_url=url,
        )
        row.save(update_fields=["request"])
    wake.wake()
    return reading, Outcome.REQUEST


def _first(reading: Reading, body: str, url: str, author_id: int | None) -> tuple[IssueForm, bool]:
    """The row of this issue, and whether it is new; two readers at once make one row."""
    said = {
        "author_id": author_id,
        "body": keys.encrypt(TEXT, body[: issue_forms.LONGEST].encode("utf-8", "replace")),
        "username": reading.username,
        "claim": reading.claim,
        "problems": [one.value for one in reading.problems],
    }
    if not url:
        return IssueForm.objects.create(**said), True
    return IssueForm.objects.get_or_create(url=url, defaults=said)


def _read_again(row: IssueForm, reading: Reading) -> Outcome:
    if reading.username.lower() in (row.username.lower(), row.edited_name.lower()):
        return Outcome.EDITED if row.edited_at else Outcome.KNOWN
    IssueForm.objects.filter(pk=row.pk).update(edited_at=Now(), edited_name=reading.username)
    return Outcome.EDITED
