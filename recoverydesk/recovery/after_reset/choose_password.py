"""The way back after a reset: the choose-password link, its return code and its hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from accounts import services
from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from accounts.second_factors import has_primary_factor
from audit.log import RequestOrigin
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors, notices, return_code
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import Actor, Who
from recoverydesk.recovery.workflow.locked_ticket import record, record_bounded

RENEWABLE_FOR = timedelta(days=7)
HOLD = timedelta(hours=24)
CLAIMANT = Actor(frozenset({Who.CLAIMANT}))


def _from(origin: RequestOrigin | None) -> Actor:
    return replace(CLAIMANT, origin=origin)


def ticket_of(link: Link) -> RecoveryTicket:
    """The completed ticket this choose-password link belongs to; raises RecoveryTicket.DoesNotExist."""
    return RecoveryTicket.objects.select_related("subject").get(
        pk=int(link.reference.removeprefix("ticket:")), status=Status.COMPLETED
    )


@contextmanager
def _locked(link: Link) -> Iterator[RecoveryTicket]:
    """The ticket of this link under its lock, while it is still open to a new password."""
    with _locked_ticket(ticket_of(link).pk) as ticket:
        yield ticket


@contextmanager
def _locked_ticket(pk: int) -> Iterator[RecoveryTicket]:
    with transaction.atomic():
        subject = User.objects.select_for_update(of=("self",)).get(recovery_tickets=pk)
        ticket = RecoveryTicket.objects.select_for_update(of=("self",)).get(pk=pk)
        ticket.subject = subject
        if ticket.password_chosen_at is not None or ticket.objected_at is not None or _overtaken(ticket):
            raise errors.InvalidTransition
        if subject.frozen_at is not None or not subject.is_active:
            raise errors.AccountClosed
        yield ticket


def _overtaken(ticket: RecoveryTicket) -> bool:
    """A later reset of the same account makes the links of an earlier one worthless."""
    resets = RecoveryTicket.objects.filter(subject=ticket.subject, status=Status.COMPLETED)
    return resets.filter(completed_at__gt=ticket.completed_at).exists()


@dataclass(frozen=True)
class Attempt:
    """What the page sent."""

    code: str
    password: str


def check_link(link: Link, code: str, *, origin: RequestOrigin | None = None) -> None:
    """Raise WrongReturnCode or PasswordOnHold when this link does not open the account yet; counts wrong codes."""
    refusal: errors.RecoveryError | None = None
    with _locked(link) as ticket:
        refusal = _refusal(ticket, code, origin)
    if refusal is not None:
        raise refusal


def _refusal(ticket: RecoveryTicket, code: str, origin: RequestOrigin | None) -> errors.RecoveryError | None:
    """Wrong codes are counted and the count is kept; after five only the hold is left."""
    if ticket.password_hold_until is not None and database_now() >= ticket.password_hold_until:
        return None
    if not code or ticket.return_code_failures >= return_code.MAX_FAILURES:
        return errors.PasswordOnHold()
    if return_code.matches(code, ticket):
        return None
    RecoveryTicket.objects.filter(pk=ticket.pk).update(return_code_failures=F("return_code_failures") + 1)
    record(Tag.ACCOUNT_RECOVERY_REFUSED, ticket, _from(origin), verb="choose_password", error="WrongReturnCode")
    return errors.WrongReturnCode()


def choose(link: Link, attempt: Attempt, *, origin: RequestOrigin) -> RecoveryTicket:
    """Set the new password and kill the link. Raises the errors of `check`, and InvalidTransition for a used link."""
    check_link(link, attempt.code, origin=origin)
    with _locked(link) as ticket:
        if not links.use(link):
            raise errors.InvalidTransition
        services.choose_password(ticket.subject, attempt.password, actor=ticket.subject, origin=origin)
        ticket.password_chosen_at = database_now()
        ticket.save(update_fields=["password_chosen_at"])
        links.kill(reference=ticket.reference, purposes=["choose_password"])
        return ticket


def start_hold(link: Link, *, origin: RequestOrigin | None = None) -> RecoveryTicket:
    """Without the return code: 24 hours from now the link works without it, and every address hears of it."""
    with _locked(link) as ticket:
        if ticket.password_hold_until is None:
            ticket.password_hold_until = database_now() + HOLD
            ticket.save(update_fields=["password_hold_until"])
            notices.tell_addresses(ticket, "recovery_password_hold", until=ticket.password_hold_until.isoformat())
            record(Tag.ACCOUNT_RECOVERY_PASSWORD_HOLD, ticket, _from(origin))
        return ticket


def renew(link: Link, *, origin: RequestOrigin | None = None) -> RecoveryTicket:
    """Mail a fresh link to the contact, for seven days after the reset. Raises TooOften, InvalidTransition."""
    with _locked(link) as ticket:
        if not renewable(ticket):
            raise errors.InvalidTransition
        if notices.choose_password_again(ticket, by_holder=True) is None:
            raise errors.TooOften
        record(Tag.ACCOUNT_RECOVERY_LINK_RENEWED, ticket, _from(origin))
        return ticket


def renewable(ticket: RecoveryTicket) -> bool:
    """Whether a choose-password link may still be made for this ticket."""
    end = ticket.completed_at and ticket.completed_at + max(RENEWABLE_FOR, _held_for(ticket))
    return end is not None and database_now() <= end and ticket.password_chosen_at is None


def _held_for(ticket: RecoveryTicket) -> timedelta:
    """A hold that began late keeps the link renewable for a day after it ends."""
    if ticket.password_hold_until is None or ticket.completed_at is None:
        return timedelta(0)
    return ticket.password_hold_until + HOLD - ticket.completed_at


def send_again(user: User) -> bool:
    """ "Forgot password?" of an account whose newest reset still waits for its password: this same link and no other.

    False sends the usual mail: to whoever has a password, or chose one after the newest reset, and to whoever has a
    second factor once the link cannot be renewed. An account with neither opens by no mail alone (design rule 8: the
    link wants the return code or a hold everybody hears of); its way back is then a new request, as a mail says.
    """
    resets = RecoveryTicket.objects.filter(subject=user, status=Status.COMPLETED).exclude(claim=Claim.UNVERIFIED_EMAIL)
    ticket = resets.select_related("subject").order_by("-completed_at").first()
    if ticket is None or ticket.password_chosen_at is not None or ticket.subject.has_usable_password():
        return False
    if not renewable(ticket):
        return not has_primary_factor(user) and _start_again(ticket)
    try:
        _mail_again(ticket.pk)
    except errors.RecoveryError as refusal:
        record_bounded(Tag.ACCOUNT_RECOVERY_REFUSED, ticket, CLAIMANT, verb="renew", error=type(refusal).__name__)
    return True


def _mail_again(ticket_id: int) -> None:
    with _locked_ticket(ticket_id) as ticket:
        if not renewable(ticket):
            raise errors.InvalidTransition
        notices.choose_password_again(ticket, by_holder=False)


def _start_again(ticket: RecoveryTicket) -> bool:
    """Once a day, however often it is asked."""
    notices.tell_contact(ticket, "recovery_start_again", once=f":{database_now().date()}", links_={})
    return True
