"""What was mailed: letters, links, branch tokens; and what their reader does with them."""

from datetime import timedelta

from django.core import mail
from django.db.models.functions import Now

from accounts.mail import links
from accounts.mail.models import Link
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket


def mails_to(address: str, word: str = "") -> list[str]:
    """The texts of the sent mails to an address whose subject has this word."""
    return [str(one.body) for one in mail.outbox if address in one.to and word in one.subject]


def link_in(text: str, part: str) -> str:
    """The path of the mailed link whose address has this part."""
    line = next(line for line in text.splitlines() if part in line)
    return line.strip().removeprefix("http://localhost:8000")


def branch_in(text: str) -> str:
    """The branch token of a challenge mail."""
    return next(line.strip() for line in text.splitlines() if line.strip().startswith("000-recovery-"))


def let_time_pass(ticket: RecoveryTicket, seconds: float = 0) -> None:
    """Put the end of the waiting period `seconds` from now, by the database's clock, and sweep."""
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=Now() + timedelta(seconds=seconds))
    sweep.sweep()


def path(link: Link) -> str:
    return links.url(link).removeprefix("http://localhost:8000")
