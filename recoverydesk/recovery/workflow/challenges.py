"""Asking for proof: the challenge, the same mail again, the confirmed mailbox, the return code."""

from datetime import datetime, timedelta

from django.db.models import F, Q

from accounts.mail import links
from accounts.mail.models import Mail
from audit.tags import Tag
from recoverydesk.recovery import errors, notices, policy, return_code
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, Actor
from recoverydesk.recovery.workflow.advancing import advance
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, move, save, verb
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import Verb

RESENDS_A_DAY = 3
UNCONFIRMED_A_MONTH = 3
CHECK_EVERY = timedelta(seconds=60)


def challenge(ticket_id: int, *, actor: Actor, seen: Seen | None = None) -> RecoveryTicket:
    """Mail the contact what it needs and a notice with a stop link to every address.

    A contact nobody has confirmed gets a link to confirm it and nothing else; the branch token follows its POST.
    Raises NoContact, TicketBlocked (frozen), ResetsSwitchedOff, and TooOften for the system's fourth unconfirmed
    challenge of an account, or of a new contact, in 30 days.
    """
    with verb(Verb.CHALLENGE, ticket_id, actor, seen) as locked:
        ticket, case = locked.ticket, locked.case()
        _check_open_to_challenge(locked, case)
        wait = policy.wait(case, cases.numbers())
        notices.challenge(ticket, locked.boundaries, wait=wait)
        if ticket.claim == Claim.SECOND_FACTOR:
            Boundary.objects.filter(pk__in=[row.pk for row in locked.asked]).update(next_probe_at=locked.now)
        ticket.challenged_at = locked.now
        ticket.challenges_itself = False
        return move(
            locked, Status.CHALLENGED, Tag.ACCOUNT_RECOVERY_CHALLENGE, "challenged_at", "challenges_itself",
            boundaries=len(locked.asked),
        )  # fmt: skip


def _check_open_to_challenge(locked: LockedTicket, case: policy.Case) -> None:
    _check_blocks(policy.blocks(case, cases.numbers()))
    if locked.actor == SYSTEM:
        _refuse_flood(locked)


def _check_blocks(found: list[policy.Block]) -> None:
    if policy.Block.SWITCHED_OFF in found:
        raise errors.ResetsSwitchedOff
    if {policy.Block.CONTACT_TAKEN, policy.Block.CONTACT_CHANGED} & set(found):
        raise errors.NoContact
    if found:
        raise errors.TicketBlocked


def leave_to_staff(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """The desk could not challenge by itself (that refusal is the event); a moderator decides."""
    with verb(Verb.CHALLENGE, ticket_id, actor) as locked:
        locked.ticket.challenges_itself = False
        return save(locked, None, "challenges_itself")


def _refuse_flood(locked: LockedTicket) -> None:
    """Neither an account nor a stranger's mailbox can be flooded by asking again and again."""
    recent = RecoveryTicket.objects.filter(
        mailbox_confirmed_at=None, challenged_at__gte=locked.now - timedelta(days=30)
    )  # fmt: skip
    if recent.filter(subject_id=locked.ticket.subject_id).count() >= UNCONFIRMED_A_MONTH:
        raise errors.TooOften
    new_contact = locked.ticket.claim != Claim.SECOND_FACTOR
    if new_contact and recent.filter(contact__iexact=locked.ticket.contact).count() >= UNCONFIRMED_A_MONTH:
        raise errors.TooOften


def may_resend(ticket: RecoveryTicket, now: datetime) -> bool:
    """Whether the contact's mail may go out once more: three times a day."""
    again = notices.sent_again(ticket).filter(queued_at__gte=now - timedelta(days=1))
    return again.count() < RESENDS_A_DAY


def may_be_sent_again(case: policy.Case) -> bool:
    """Nothing but a bounce stops the contact's mail, and nobody signed in to the account meanwhile."""
    return case.signed_in_at is None and set(policy.blocks(case, cases.numbers())) <= {policy.Block.BOUNCED}


def resend(ticket_id: int, *, actor: Actor) -> Mail:
    """Mail the contact the same token and link (or the same confirming link) once more; afterwards the link alone.

    Raises TooOften, and what stops the ticket: TicketBlocked, ResetsSwitchedOff, NoContact. A mail that came back
    does not stop it: sending again is what may mend that.
    """
    with verb(Verb.RESEND, ticket_id, actor) as locked:
        ticket, case = locked.ticket, locked.case()
        _check_blocks([block for block in policy.blocks(case, cases.numbers()) if block != policy.Block.BOUNCED])
        if case.signed_in_at is not None:
            raise errors.TicketBlocked
        if not may_resend(ticket, locked.now):
            raise errors.TooOften
        mail = _send_again(locked, case)
        save(locked, Tag.ACCOUNT_RECOVERY_RESEND)
        return mail


def _send_again(locked: LockedTicket, case: policy.Case) -> Mail:
    if locked.ticket.status != Status.CHALLENGED:  # it has the branch: only its link may be lost
        return notices.send_status_link(locked.ticket)
    wait = policy.wait(case, cases.numbers())
    return notices.send_challenge(locked.ticket, locked.boundaries, wait=wait, round_=notices.rounds(locked.ticket))


def confirm_mailbox(ticket_id: int, *, actor: Actor) -> RecoveryTicket:
    """The claimant, reached through the contact's mailbox, confirms it; looks are due at once.

    A contact that was new gets the branch token and the status link now; its confirming link is spent. A ticket that
    went on by itself meanwhile (a look found the branch, and that confirmed the mailbox) stays as it is. Raises
    InvalidTransition when the confirming link was used before.
    """
    with verb(Verb.CONFIRM_MAILBOX, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.status != Status.CHALLENGED:
            return ticket
        if ticket.claim != Claim.SECOND_FACTOR and ticket.mailbox_confirmed_at is None:
            _check_confirming(actor)
        look_soon(locked)
        if ticket.mailbox_confirmed_at is None:
            ticket.mailbox_confirmed_at = locked.now
            _send_token(locked)
            save(locked, Tag.ACCOUNT_RECOVERY_CONFIRM_MAILBOX, "mailbox_confirmed_at", how="link")
        return advance(locked)


def _check_confirming(actor: Actor) -> None:
    """A new contact is confirmed by its own link, once, and by no other."""
    if actor.link is None or actor.link.purpose != "confirm_contact":
        raise errors.NotAllowed
    if not links.use(actor.link):
        raise errors.InvalidTransition


def _send_token(locked: LockedTicket) -> None:
    if locked.ticket.claim != Claim.SECOND_FACTOR:
        wait = policy.wait(locked.case(), cases.numbers())
        notices.make_status_link(locked.ticket)
        notices.send_challenge(locked.ticket, locked.boundaries, wait=wait, round_=0)


def check_now(ticket_id: int, *, actor: Actor) -> RecoveryTicket:
    """Make every unproved boundary due, unless it was looked at in the last minute."""
    with verb(Verb.CHECK_NOW, ticket_id, actor) as locked:
        look_soon(locked)
        return locked.ticket


def look_soon(locked: LockedTicket) -> None:
    """Unproved boundaries are due now; those asked for again within a minute, a minute after the last look.

    The desk's own first look, made before anybody could have pushed, does not count.
    """
    waiting = Boundary.objects.filter(ticket=locked.ticket, kind=Boundary.Kind.ASKED, proved_at=None)
    fresh = Q(attempts__gt=1, last_probed_at__gt=locked.now - CHECK_EVERY)
    # A look under way began before: it loses its lease, and what it saw is not kept.
    waiting.exclude(fresh).update(next_probe_at=locked.now, lease=None, leased_until=None)
    soon = F("last_probed_at") + CHECK_EVERY
    waiting.filter(fresh).exclude(next_probe_at__lt=soon).update(next_probe_at=soon)


def take_return_code(ticket_id: int, *, actor: Actor) -> str:
    """Return the code that later opens the choose-password page, once per ticket; "" when it was shown before.

    A claim whose reset changes no password has none.
    """
    with verb(Verb.TAKE_RETURN_CODE, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.return_code_digest or ticket.claim == Claim.UNVERIFIED_EMAIL:
            return ""
        code = return_code.make_code()
        ticket.return_code_digest = return_code.digest(code, ticket)
        save(locked, Tag.ACCOUNT_RECOVERY_RETURN_CODE, "return_code_digest")
        return code


def note_bounce(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """The contact's mail could not be delivered: our turn."""
    with verb(Verb.NOTE_BOUNCE, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.contact_bounced_at is None:
            ticket.contact_bounced_at = locked.now
            save(locked, Tag.ACCOUNT_EMAIL_BOUNCED, "contact_bounced_at")
        return ticket


def mend_bounce(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """A later mail reached the contact: their turn again. Raises InvalidTransition while none has."""
    with verb(Verb.MEND_BOUNCE, ticket_id, actor) as locked:
        if not cases.mended().filter(pk=ticket_id).exists():
            raise errors.InvalidTransition("no later mail has arrived")
        locked.ticket.contact_bounced_at = None
        save(locked, Tag.ACCOUNT_RECOVERY_MEND_BOUNCE, "contact_bounced_at")
        return advance(locked)
