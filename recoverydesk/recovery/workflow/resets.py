"""The reset: what it asks once more, and what it does to the account, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from accounts import addresses, recovered, second_factors
from accounts.mail import links
from accounts.models import User
from audit import log
from audit.tags import Tag
from recoverydesk.projects import rests
from recoverydesk.publishers import verbs as publishers
from recoverydesk.recovery import errors, notices, policy, return_code
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import OPERATOR, RESET, RESET_WITHOUT_PROJECTS, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import boundary_exceptions
from recoverydesk.recovery.workflow.advancing import evidence_holds, go_back
from recoverydesk.recovery.workflow.approvals import check_resetting_admin
from recoverydesk.recovery.workflow.closing import close_others
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, check_confirmed, move, verb
from recoverydesk.recovery.workflow.opening import create
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import Verb
from tokens.services import hold_all

UNTIL_RESET = {policy.Missing.WAITING_PERIOD, policy.Missing.APPROVAL}


@dataclass(frozen=True)
class Outcome:
    """What a reset did. When the evidence no longer held, nothing was reset and the ticket went back."""

    ticket: RecoveryTicket
    sent_back: bool = False
    removed: second_factors.ResetCounts | None = None
    tokens_held: int = 0
    roles_held: int = 0
    return_code: str = ""


def reset(ticket_id: int, *, actor: Actor, reason: str, seen: Seen | None = None) -> Outcome:
    """Do what the claim asks for (docs/recovery-policy.md), or send the ticket back.

    Raises WaitingPeriodActive, ApprovalMissing, SamePerson, TooNew, OwnTicket, CoOwnedTicket,
    NotAllowed, StaleTicket, ReasonTooShort, decisions.ConfirmationNeeded.
    """
    with verb(Verb.RESET, ticket_id, actor, seen) as locked:
        reason = check_reason(reason)
        case = locked.case()
        people = policy.people(case, cases.numbers())
        if not may_reset(actor, case):
            raise errors.NotAllowed
        lacking = set(policy.explain(case, locked.now, cases.numbers()).lacking)
        if policy.Missing.WAITING_PERIOD in lacking and lacking <= UNTIL_RESET:
            raise errors.WaitingPeriodActive
        check_confirmed(locked)
        if not evidence_holds(locked):
            return Outcome(go_back(locked, "the evidence no longer holds"), sent_back=True)
        check_resetting_admin(locked.ticket, people, actor, locked.now)
        locked.ticket.doubt = policy.doubt(case)
        return _complete(locked, reason, people=people)


def may_reset(actor: Actor, case: policy.Case) -> bool:
    """Whether the rights suffice: the lesser one is for second factors, no projects, and where one person decides."""
    alone = (
        case.claim == policy.Claim.SECOND_FACTOR and not case.has_projects and policy.people(case, cases.numbers()) == 1
    )
    return RESET in actor.rights or (RESET_WITHOUT_PROJECTS in actor.rights and alone)


def _complete(locked: LockedTicket, reason: str, *, people: int = 1) -> Outcome:
    ticket, subject, party = locked.ticket, locked.ticket.subject, locked.actor.party
    was_staff = subject.is_staff or subject.is_superuser
    done = _change_account(locked, reason)
    excepted = boundary_exceptions.excepted_projects(ticket)
    roles = rests.begin(subject, excepted, requested_at=ticket.requested_at, actor=party, ticket=ticket.pk)
    if was_staff and not ticket.broke_glass:
        recovered.drop_staff_rights(subject, actor=party, reason=reason, ticket=ticket.pk)
    ticket.completed_at, ticket.reset_by, ticket.closing_reason = locked.now, locked.actor.user, reason
    ticket.next_notice_at = None
    links.kill(reference=ticket.reference, purposes=["status", "confirm_contact"])
    _tell(locked, done)
    close_others(locked)
    removed = done.removed or second_factors.ResetCounts(0, 0, 0, 0)
    tag = Tag.ACCOUNT_RECOVERY_BREAK_GLASS if ticket.broke_glass else Tag.ACCOUNT_RECOVERY_RESET
    move(
        locked, Status.COMPLETED, tag, "completed_at", "reset_by", "closing_reason", "next_notice_at", "broke_glass",
        "return_code_digest", "doubt", reason=reason, doubt=ticket.doubt, people=people,
        totp=removed.totp, webauthn=removed.webauthn, codes=removed.codes,
        sessions=removed.sessions, tokens=done.tokens_held, roles=roles,
    )  # fmt: skip
    return Outcome(ticket, removed=done.removed, tokens_held=done.tokens_held, roles_held=roles)


def _change_account(locked: LockedTicket, reason: str) -> Outcome:
    """What the reset does, by claim."""
    ticket, subject = locked.ticket, locked.ticket.subject
    actor, number = locked.actor.party, ticket.pk
    if ticket.claim in policy.UNVERIFIED:
        _own(lambda: recovered.verify_address(subject, ticket.contact, actor=actor, reason=reason, ticket=number))
    if ticket.claim == Claim.UNVERIFIED_EMAIL:
        recovered.begin_quarantine(subject, actor=actor, reason=reason, ticket=number)
        return Outcome(ticket)
    if ticket.claim in policy.NEW_CONTACT:
        _own(lambda: recovered.take_new_address(subject, ticket.contact, actor=actor, reason=reason, ticket=number))
    if ticket.claim == Claim.EMAIL:
        ended = recovered.disable_password(subject, actor=actor, reason=reason, ticket=number)
        recovered.begin_quarantine(subject, actor=actor, reason=reason, ticket=number)
        removed = second_factors.ResetCounts(0, 0, 0, ended)
    else:
        removed = second_factors.reset(subject, actor=actor, reason=reason, ticket=number)
    held = hold_all(subject, actor=actor, reason=reason, ticket=number)
    publishers.hold_all(subject, actor=actor, ticket=number)
    return Outcome(ticket, removed=removed, tokens_held=held)


def _own(change: Callable[[], object]) -> None:
    """An address somebody else verified a moment ago is refused by name, and nothing is changed."""
    try:
        with transaction.atomic():
            change()
    except IntegrityError as taken:
        raise errors.NoContact from taken


def _tell(locked: LockedTicket, done: Outcome) -> None:
    ticket = locked.ticket
    verified = ticket.claim == Claim.UNVERIFIED_EMAIL  # no password to choose: the contact hears what all addresses do
    kind = "recovery_verified" if verified else "recovery_reset"
    at, tokens = locked.now.isoformat(), done.tokens_held
    notices.tell_addresses(ticket, kind, but_contact=not verified, admin_time=at, tokens=tokens)
    notices.tell_co_owners(ticket, "recovery_co_owner_reset")
    if not verified:
        notices.choose_password(ticket)


# From the shell ------------------------------------------------------------------------------------------------------


def break_glass(subject: User, *, reason: str) -> Outcome:
    """Reset the second factors without evidence, from the shell: for sites with one admin who is locked out.

    An event and a mail to everybody; staff rights stay (the shell could give them back anyway). The return code is
    for the operator to hand over. Raises NoContact and ReasonTooShort.
    """
    try:
        with transaction.atomic():
            ticket = _ticket_for(subject)
            return break_glass_on(ticket.pk, actor=OPERATOR, reason=reason)
    except errors.RecoveryError as refusal:  # what the verb wrote down went with its transaction
        left = RecoveryTicket.objects.open().filter(subject=subject).values_list("pk", flat=True).first()
        log.record_hourly(
            Tag.ACCOUNT_RECOVERY_REFUSED, actor=OPERATOR.party, subject=subject, ticket=left,
            verb=Verb.BREAK_GLASS.value, error=type(refusal).__name__,
        )  # fmt: skip
        raise


def break_glass_on(ticket_id: int, *, actor: Actor, reason: str) -> Outcome:
    """The verb of `break_glass`, on the ticket it works with. Raises ReasonTooShort."""
    with verb(Verb.BREAK_GLASS, ticket_id, actor) as locked:
        text = check_reason(reason)
        locked.ticket.broke_glass = True
        code = return_code.make_code()
        locked.ticket.return_code_digest = return_code.digest(code, locked.ticket)
        done = _complete(locked, text)
        return replace(done, return_code=code)


def _ticket_for(subject: User) -> RecoveryTicket:
    """The account's open second-factor ticket, or a new one."""
    subject = User.objects.select_for_update().get(pk=subject.pk)
    contact = addresses.primary(subject)
    if contact is None:
        raise errors.NoContact
    known = RecoveryTicket.objects.open().filter(subject=subject, contact__iexact=contact).first()
    if known is not None and known.claim == Claim.SECOND_FACTOR:
        return known
    if known is not None:
        raise errors.InvalidTransition(f"#{known.pk}")
    return create(
        subject=subject, claim=Claim.SECOND_FACTOR, source=Source.SHELL, contact=contact, requested_at=None
    )  # fmt: skip
