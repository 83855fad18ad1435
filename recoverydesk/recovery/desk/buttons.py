"""The buttons of the ticket page: which verb each calls, with which fields, and what it says afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.desk import assignment, at_desk, notes
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status, Turn
from recoverydesk.recovery.permissions import Actor, Who
from recoverydesk.recovery.workflow import seen_pages

TOO_MANY_DAYS = assignment.LONGEST_SNOOZE.days + 1  # the verb refuses so many, and fewer than none
Form = Mapping[str, Any]
Button = Callable[[int, Actor, Form], str]
DONE: dict[str, str | Promise] = {
    Claim.SECOND_FACTOR: gettext_lazy(
        "Done: second factors reset. We mailed the link for a new password to the contact."
    ),
    Claim.EMAIL: gettext_lazy("Done: the address is reset. We mailed the link for a new password to the contact."),
    Claim.EMAIL_AND_SECOND_FACTOR: gettext_lazy(
        "Done: address and second factors reset. We mailed the link for a new password to the contact."
    ),
    Claim.UNVERIFIED_EMAIL: gettext_lazy("Done: the address is verified."),
    Claim.UNVERIFIED_AND_FACTOR: gettext_lazy(
        "Done: the address is verified and the second factors are reset. We mailed the link for "
        "a new password to the contact."
    ),
}


def _text(name: str) -> Callable[[Form], str]:
    return lambda form: str(form.get(name, ""))


# Arguments of the verbs, and how each is read from a form.
FIELDS: dict[str, Callable[[Form], Any]] = {
    "reason": _text("reason"),
    "url": _text("url"),
    "other_proof": _text("other_proof"),
    "outcome": _text("outcome"),
    "boundary_id": lambda form: seen_pages.number_in_form(form, "boundary") or 0,
    "seen": seen_pages.seen_of_form,
}


@dataclass(frozen=True)
class Plain:
    """A button that gives fields of its form to one verb and then says one sentence."""

    verb: Callable[..., Any]
    fields: str  # names in FIELDS
    sentence: str | Promise

    def __call__(self, pk: int, actor: Actor, form: Form) -> str:
        """Call the verb. Raises what the verb raises."""
        self.verb(pk, actor=actor, **{name: FIELDS[name](form) for name in self.fields.split()})
        return str(self.sentence)


def _duplicate(pk: int, actor: Actor, form: Form) -> str:
    """Reject in favour of another ticket of the same account; each of the two pages then names the other."""
    of = RecoveryTicket.objects.filter(pk=seen_pages.number_in_form(form, "of") or 0).exclude(pk=pk)
    if not of.filter(subject__recovery_tickets=pk).exists():
        _refuse("reject", pk, actor, errors.InvalidTransition(_("choose another ticket of this account")))
    seen = seen_pages.seen_of_form(form)
    workflow.reject(pk, actor=actor, reason=f"duplicate of #{of.get().pk}", seen=seen)
    return _("The ticket is closed as a duplicate.")


def _reset(pk: int, actor: Actor, form: Form) -> str:
    _check_username("reset", pk, actor, form)
    seen = seen_pages.seen_of_form(form)
    outcome = workflow.reset(pk, actor=actor, reason=str(form.get("reason", "")), seen=seen)
    if outcome.sent_back:
        return _("Nothing was reset. A proof is no longer valid, so we sent the ticket back one step.")
    return str(DONE[outcome.ticket.claim])


def _check_username(verb: str, pk: int, actor: Actor, form: Form) -> None:
    """Where two people decide, who decides has read whose account it is; who may not hears that from the verb.

    Raises WrongUsername.
    """
    ticket = RecoveryTicket.objects.select_related("subject").get(pk=pk)
    typed = str(form.get("username", "")).strip()
    if Who.ADMIN not in actor.parts or typed == ticket.subject.username:
        return
    if cases.needs_two_people(cases.read_case(ticket, database_now())):
        _refuse(verb, pk, actor, errors.WrongUsername())


def _refuse(verb: str, pk: int, actor: Actor, refusal: errors.RecoveryError) -> NoReturn:
    """What a form lacks is refused before any verb sees it, and written down like a verb's own refusals."""
    at_desk.write_refusal(verb, pk, actor, refusal)
    raise refusal


def _note(pk: int, actor: Actor, form: Form) -> str:
    told = notes.add_note(pk, actor=actor, text=str(form.get("text", "")), seen=seen_pages.seen_of_form(form))
    return _("The note is added. We mailed %(names)s.") % {"names": ", ".join(told)} if told else _("Note added.")


def _approve(pk: int, actor: Actor, form: Form) -> str:
    _check_username("approve", pk, actor, form)
    seen = seen_pages.seen_of_form(form)
    workflow.approve(pk, actor=actor, reason=str(form.get("reason", "")), seen=seen)
    return _("Approved. Another admin has to reset.")


def _snooze(pk: int, actor: Actor, form: Form) -> str:
    days = seen_pages.number_in_form(form, "days") or 0
    until = database_now() + timedelta(days=min(days, TOO_MANY_DAYS)) if days else None
    assignment.snooze(pk, actor=actor, until=until)
    return _("The ticket is snoozed.") if until else _("The ticket is no longer snoozed.")


def _assign(pk: int, actor: Actor, form: Form) -> str:
    name = str(form.get("to", ""))
    person = User.objects.filter(username=name, is_active=True).first() if name else None
    if name and person is None:
        _refuse("assign", pk, actor, errors.UnknownSubject(name))
    assignment.assign(pk, actor=actor, to=person)
    return _("Now with %(name)s.") % {"name": name} if name else _("Nobody has the ticket now.")


BUTTONS: dict[str, Button] = {
    "challenge": Plain(
        workflow.challenge,
        "seen",
        gettext_lazy("We mail the branch name to the contact, and a notice to every address."),
    ),
    "check_now": Plain(workflow.check_now, "", gettext_lazy("We check again now.")),
    "resend": Plain(workflow.resend, "", gettext_lazy("The same mail is on its way again.")),
    "send_back": Plain(workflow.send_back, "reason", gettext_lazy("The ticket went back a step.")),
    "reject": Plain(workflow.reject, "reason seen", gettext_lazy("The ticket is closed without a reset.")),
    "duplicate": _duplicate,
    "reset": _reset,
    "approve": _approve,
    "dispute": Plain(
        workflow.dispute, "reason", gettext_lazy("The ticket is disputed: it waits longer, and two people decide.")
    ),
    "ask_exception": Plain(
        workflow.ask_exception,
        "boundary_id other_proof reason seen",
        gettext_lazy("You asked for an exception. Another person has to decide it."),
    ),
    "approve_exception": Plain(
        workflow.approve_exception,
        "boundary_id reason seen",
        gettext_lazy("The exception is approved, so the claimant needs no proof for this repository owner."),
    ),
    "decline_exception": Plain(
        workflow.decline_exception,
        "boundary_id reason seen",
        gettext_lazy("No exception: this repository owner has to be proved."),
    ),
    "add_boundary": Plain(
        workflow.add_boundary, "url reason", gettext_lazy("Added. The claimant has to prove this repository, too.")
    ),
    "settle_objection": Plain(
        workflow.settle_objection,
        "outcome reason seen",
        gettext_lazy("The objection is closed. To unfreeze the account, open its page."),
    ),
    "note": _note,
    "read": Plain(notes.read_mentions, "", gettext_lazy("Marked as read.")),
    "take": Plain(assignment.take_ticket, "seen", gettext_lazy("This ticket is with you.")),
    "snooze": _snooze,
    "assign": _assign,
}
# What may be done to several tickets at once; never a reset, a proof, an approval or a mail.
BULK: dict[str, Button] = {"assign": _assign, "snooze": _snooze}


def puts_off(ticket: RecoveryTicket) -> bool:
    """Whether a reply usually ends our turn: nothing else is left for us to do but to wait for an answer."""
    return ticket.is_open and ticket.turn == Turn.OURS and ticket.status != Status.READY


def why_refused(ticket: RecoveryTicket, refusal: errors.RecoveryError) -> str:
    """The refusal in words; on a closed ticket, who closed it and when, since that is why nothing happened."""
    if not isinstance(refusal, errors.InvalidTransition | errors.StaleTicket) or ticket.closed_at is None:
        return str(refusal)
    at = f"{ticket.closed_at:%Y-%m-%d %H:%M:%S} UTC"
    if ticket.reset_by:
        who = {"who": ticket.reset_by.username, "at": at}
        return _("Your click changed nothing: %(who)s had reset this account on %(at)s.") % who
    return _("This ticket was already closed on %(at)s. Your click changed nothing.") % {"at": at}
