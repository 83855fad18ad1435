"""What a person decides about a ticket: as a decision of accounts, and in words for the page that asks for the key."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.decisions import Decision
from recoverydesk.recovery.models import Claim, RecoveryTicket
from recoverydesk.recovery.workflow.seen_pages import Seen

RESETS: dict[str, str | Promise] = {
    Claim.SECOND_FACTOR: gettext_lazy("Reset the second factors of %(name)s."),
    Claim.EMAIL: gettext_lazy("Reset the address of %(name)s to %(contact)s."),
    Claim.EMAIL_AND_SECOND_FACTOR: gettext_lazy(
        "Reset the address of %(name)s to %(contact)s, and the second factors."
    ),
    Claim.UNVERIFIED_EMAIL: gettext_lazy("Mark %(contact)s as the verified address of %(name)s."),
    Claim.UNVERIFIED_AND_FACTOR: gettext_lazy(
        "Mark %(contact)s as the verified address of %(name)s, and reset the second factors."
    ),
}
APPROVALS: dict[str, str | Promise] = {
    Claim.SECOND_FACTOR: gettext_lazy("Approve: another person may reset the second factors of %(name)s."),
    Claim.EMAIL: gettext_lazy("Approve: another person may make %(contact)s the address of %(name)s."),
    Claim.EMAIL_AND_SECOND_FACTOR: gettext_lazy(
        "Approve: another person may make %(contact)s the address of %(name)s and reset the second factors."
    ),
    Claim.UNVERIFIED_EMAIL: gettext_lazy("Approve: another person may mark %(contact)s as verified for %(name)s."),
    Claim.UNVERIFIED_AND_FACTOR: gettext_lazy(
        "Approve: another person may mark %(contact)s as verified for %(name)s and reset the second factors."
    ),
}
OTHERS: dict[str, str | Promise] = {
    "ask_exception": gettext_lazy("Ask to let %(name)s back in without a proof for %(part)s."),
    "approve_exception": gettext_lazy("Let %(name)s back in without a proof for %(part)s."),
    "decline_exception": gettext_lazy("Decline the exception: %(name)s has to prove %(part)s."),
    "settle_objection": gettext_lazy("Close the objection to the reset of %(name)s."),
}


def decision(verb: str, ticket: int, seen: Seen | None, part: str = "") -> Decision:
    """The decision of this verb about this ticket as its page showed it."""
    about = f"ticket:{ticket}" + (f"/{part}" if part else "")
    return Decision(str(verb), about, f"{seen.version}.{seen.event}" if seen else "")


def words(verb: str, ticket: RecoveryTicket, seen: Seen | None, part: str = "") -> list[str]:
    """What is decided, and about which state of which ticket, in two sentences."""
    about = {"name": ticket.subject.username, "contact": ticket.contact, "part": part}
    sentences = {"reset": RESETS[ticket.claim], "approve": APPROVALS[ticket.claim], **OTHERS}
    at = {"number": ticket.pk, "version": seen.version if seen else ticket.version}
    return [str(sentences[str(verb)]) % about, _("Ticket %(number)d, version %(version)d, as your page shows it.") % at]
