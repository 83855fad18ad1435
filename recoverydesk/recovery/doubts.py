"""Why a ticket stands on its rung of the ladder, in one sentence for staff, and what lowers nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects import people
from recoverydesk.recovery import ladder, policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.policy import NEW_CONTACT, UNVERIFIED, Case, Claim
from recoverydesk.recovery.workflow.table import Verb

Words = Callable[[RecoveryTicket], str]


@dataclass(frozen=True)
class Reason:
    """What alone would put a ticket on this rung; `words` are read where they are shown."""

    rung: int
    applies: Callable[[Case], object]
    words: str | Promise | Words

    def said(self, ticket: RecoveryTicket) -> str:
        return self.words(ticket) if callable(self.words) else str(self.words)


@dataclass(frozen=True)
class Doubt:
    """The rung in one sentence, and until when it waits."""

    number: int
    sentence: str
    end: str


def doubt(ticket: RecoveryTicket, case: Case) -> Doubt | None:
    """Of a closed ticket, the rung its wait was written for. Up to three queries where that is a dispute."""
    if not ticket.is_open:
        return _closed(ticket)
    number = policy.doubt(case)
    words = {"number": number, "highest": ladder.HIGHEST, "why": _why(ticket, case, number)}
    return Doubt(number, _("Doubt %(number)d of %(highest)d: %(why)s.") % words, _end(ticket, case, number))


def _closed(ticket: RecoveryTicket) -> Doubt | None:
    """What is true of the account today says nothing of a ticket that is over."""
    if ticket.doubt is None:
        return None
    words = {"number": ticket.doubt, "highest": ladder.HIGHEST}
    return Doubt(ticket.doubt, _("Doubt %(number)d of %(highest)d set the waiting period.") % words, "")


def _why(ticket: RecoveryTicket, case: Case, number: int) -> str:
    return "; ".join(reason.said(ticket) for reason in reasons(case) if reason.rung == number)


def reasons(case: Case) -> list[Reason]:
    """Everything that speaks for some rung; the highest is the one that `policy.doubt` names."""
    return [reason for reason in REASONS if reason.applies(case)]


def _end(ticket: RecoveryTicket, case: Case, number: int) -> str:
    """What lowers nothing: a doubt that is over moves no end that is written."""
    if ticket.wait_until is None:
        span = policy.wait(case, cases.numbers())
        return _("The waiting period of %(span)s has not begun.") % {"span": ladder.length(span)} if span else ""
    written = ticket.doubt or 0
    words = {"until": date_format(localtime(ticket.wait_until), "Y-m-d H:i e"), "written": written}
    if ticket.wait_until <= timezone.now():
        return _("The waiting period ended at %(until)s.") % words
    if written > number:
        return (
            _(
                "The doubt was %(written)d before, and the waiting period stays as long as "
                "it was then: at least until %(until)s."
            )
            % words
        )
    return _("The waiting period lasts until %(until)s. Nothing can shorten it.") % words


def alone(case: Case) -> str:
    """The wait of an exception that nothing else stands beside; "" where something does, or where it waits already."""
    excepted = replace(case, excepted=case.excepted + 1)
    numbers = cases.numbers()
    if policy.doubt(case) == ladder.HIGHEST or policy.doubt(excepted) != ladder.HIGHEST:
        return ""
    return ladder.length(policy.wait(excepted, numbers))


# Who disputed, and when ----------------------------------------------------------------------------------------------


def _disputed(ticket: RecoveryTicket) -> str:
    first = Event.objects.filter(ticket=ticket.pk, tag=Tag.ACCOUNT_RECOVERY_DISPUTE).order_by("id").first()
    words = {"day": _day(ticket.disputed_at)}
    if first is None:
        return _("somebody disputed it on %(day)s") % words
    words |= {"who": first.actor_name, "why": first.data.get("reason", "")}
    if first.data.get("verb") == Verb.STOP and first.actor_uid is None:
        return (
            _(
                "one of the account's addresses objected on %(day)s: for the second time, or it was too new to stop "
                "the request"
            )
            % words
        )
    if first.data.get("verb") in (Verb.STOP, Verb.WITHDRAW):
        return _("the account holder objected on %(day)s: it was the second time, or the second factor was new") % words
    if first.actor_uid is None:
        return _("disputed automatically on %(day)s: %(why)s") % words
    return _said_by(first.actor_uid, ticket) % words


def _said_by(uid: UUID, ticket: RecoveryTicket) -> str:
    """Staff who share a project with the account say no as co-owners: as staff they may not."""
    user = User.objects.filter(uid=uid).first()
    if user is not None and user.is_staff and not people.co_owns(user, ticket.subject):
        return _("%(who)s (our staff) disputed it on %(day)s")
    return _("a co-owner, %(who)s, objected on %(day)s")


def _signed_in(ticket: RecoveryTicket) -> str:
    words = {"day": _day(ticket.signed_in_at)}
    if Event.objects.filter(ticket=ticket.pk, tag=Tag.ACCOUNT_RECOVERY_ALARM).exists():
        return _("somebody added a second factor to the account, or used a recovery code, on %(day)s") % words
    return _("somebody signed in to the account with a second factor on %(day)s") % words


def _day(at: datetime | None) -> str:
    return date_format(localtime(at), "Y-m-d") if at else "–"


def _is_new(case: Case) -> bool:
    return case.claim in NEW_CONTACT


def _has_something(case: Case) -> bool:
    return case.claim == Claim.SECOND_FACTOR and bool(case.has_projects or case.asked)


REASONS = (
    Reason(
        5,
        lambda case: _is_new(case) and not case.account_proof and case.old_addresses_dead,
        gettext_lazy("a new address, no account proof, and our mail to every old address came back"),
    ),
    Reason(
        5,
        lambda case: case.excepted and not (case.named_proved or case.account_proof),
        gettext_lazy("an exception, but no proved repository and no account proof"),
    ),
    Reason(4, _is_new, gettext_lazy("the address is a new one")),
    Reason(4, lambda case: case.signed_in_at, _signed_in),
    Reason(3, lambda case: case.excepted, gettext_lazy("two of our staff accepted a repository owner without proof")),
    Reason(3, lambda case: case.disputed_at, _disputed),
    Reason(
        3,
        lambda case: case.recently_stopped,
        gettext_lazy("another request for this account was stopped in the last 30 days"),
    ),
    Reason(3, lambda case: case.subject_is_staff, gettext_lazy("the account belongs to our staff")),
    Reason(2, lambda case: case.claim in UNVERIFIED, gettext_lazy("the address was never verified")),
    Reason(
        2,
        lambda case: case.mailbox_young,
        gettext_lazy("the address was verified, or made the primary one, less than 30 days before the request"),
    ),
    Reason(
        2,
        lambda case: _has_something(case) and not case.named,
        gettext_lazy("no release names a repository that counts"),
    ),
    Reason(1, _has_something, gettext_lazy("the claimant proved the account's mailbox and the repositories")),
    Reason(
        0,
        lambda case: case.claim == Claim.SECOND_FACTOR and not _has_something(case),
        gettext_lazy("the account has no project"),
    ),
)
