"""Requests that named no account, or have to be asked about: what staff may do with them.

Whoever asked is told nothing that depends on which accounts there are: the answer is one text for every name, true
of each, and goes out only because a person sent it (design rule 10).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models.functions import Now

from accounts.mail import outbox
from accounts.mail.models import Request
from accounts.models import User
from audit.log import record
from audit.tags import Tag
from common import keys, wake
from recoverydesk.channels.models import TEXT, IssueForm, Unmatched
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.evidence import claims, contacts
from recoverydesk.recovery.models import RecoveryTicket, Source
from recoverydesk.recovery.permissions import WORK_TICKETS, Actor

ANSWER = "check_the_name"  # the mail
MOST_OPEN = 500  # a flood of made-up names fills no more than this
LETTERS_APART = 2
End = Unmatched.End


@dataclass(frozen=True)
class Asked:
    """What was typed. `address` is where an answer could go; "" where nobody gave one."""

    username: str
    claim: str
    contact: str
    codes_lost: bool

    @property
    def address(self) -> str:
        given = contacts.plain(self.contact or (self.username if "@" in self.username else ""))
        return given if contacts.is_plain(given) else ""


def read(row: Unmatched) -> Asked:
    """What was typed. Raises keys.BadCiphertext."""
    return Asked(**json.loads(keys.decrypt(TEXT, bytes(row.asked))))


def note(request: Request, payload: dict[str, Any]) -> None:
    """The office found no account for this request (settings.RECOVERY_HOOKS). One without an address stays silent."""
    asked = Asked(payload["username"], payload["claim"], payload.get("contact", ""), payload["says_codes_lost"])
    form = IssueForm.objects.filter(request=request).first()
    if form is not None or asked.address:
        _note(asked, Source(payload.get("source", Source.FORM)), form)


def note_question(form: IssueForm) -> None:
    """An issue form that cannot be a request as it is."""
    _note(Asked(form.username, form.claim, "", codes_lost=True), Source.ISSUE, form)


def _note(asked: Asked, source: Source, form: IssueForm | None) -> None:
    open_rows = Unmatched.objects.filter(ended_at=None)
    if open_rows.count() >= MOST_OPEN:
        return
    issue = str(form.pk) if form else ""
    digest = keys.mac("unmatched", "", asked.username.lower(), asked.contact.lower(), asked.claim, issue)
    sealed = keys.encrypt(TEXT, json.dumps(vars(asked)).encode())
    Unmatched.objects.bulk_create(
        [Unmatched(asked=sealed, digest=digest, source=source, form=form)], ignore_conflicts=True
    )


def suggested(asked: Asked) -> User | None:
    """The one account with the given address whose name is the typed one but for two letters. For staff alone."""
    if not asked.address or "@" in asked.username:
        return None
    holders = EmailAddress.objects.filter(email=asked.address, user__is_active=True).select_related("user")
    alike = {
        row.user for row in holders if distance(row.user.username.lower(), asked.username.lower()) <= LETTERS_APART
    }
    return alike.pop() if len(alike) == 1 else None


def distance(one: str, other: str) -> int:
    """How many letters have to be put in, left out or changed, or neighbours swapped (Damerau, restricted)."""
    before, last = list[int](), list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for place, its in enumerate(other, 1):
            cost = min(last[place] + 1, line[-1] + 1, last[place - 1] + (letter != its))
            if row > 1 and place > 1 and (letter, one[row - 2]) == (other[place - 2], its):
                cost = min(cost, before[place - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]


# What staff do --------------------------------------------------------------------------------------------------------


def answer(row_id: int, *, actor: Actor) -> None:
    """Mail the one text to the address that was given. Raises NoContact, and TooOften after five a day."""
    with _ending(row_id, actor, End.ANSWERED) as row:
        address = read(row).address
        if not address:
            raise errors.NoContact
        if outbox.queue_limited(ANSWER, address, dedupe=f"{ANSWER}:{row.pk}") is None:
            raise errors.TooOften


def link(row_id: int, *, actor: Actor, username: str) -> RecoveryTicket:
    """Open a ticket for the account that was meant, as if its name had been typed. Raises what `open_ticket` does."""
    with _ending(row_id, actor, End.LINKED) as row:
        asked, subject = read(row), intake.find_subject(username)
        if subject is None:
            raise errors.UnknownSubject(username)
        decided = claims.decide(asked.claim, asked.contact, claims.on_file(subject))
        opened = workflow.open_ticket(
            subject=subject,
            claim=decided.claim,
            actor=actor,
            source=Source(row.source),
            contact=decided.contact,
            says_codes_lost=asked.codes_lost,
            issue_url=row.form.url if row.form else "",
        )
        row.ticket = opened.ticket
        return opened.ticket


def close(row_id: int, *, actor: Actor) -> None:
    """End it without a word to anybody."""
    with _ending(row_id, actor, End.CLOSED):
        pass


@contextmanager
def _ending(row_id: int, actor: Actor, how: Unmatched.End) -> Iterator[Unmatched]:
    """Lock an open row for staff, and end it. Raises NotAllowed, and InvalidTransition for one that has ended."""
    if WORK_TICKETS not in actor.rights:
        raise errors.NotAllowed
    with transaction.atomic():
        rows = Unmatched.objects.select_for_update(of=("self",)).filter(pk=row_id, ended_at=None)
        row = rows.select_related("form").first()
        if row is None:
            raise errors.InvalidTransition(f"{how.value}, ended")
        yield row
        ended = {"how": how, "ended_by": actor.user, "ticket": row.ticket}
        Unmatched.objects.filter(pk=row.pk).update(ended_at=Now(), **ended)
        subject, number = (row.ticket.subject, row.ticket.pk) if row.ticket else (None, None)
        record(Tag.DESK_UNMATCHED_END, actor=actor.party, subject=subject, ticket=number, how=how.value)
    wake.wake()
