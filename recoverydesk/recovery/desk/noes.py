"""Who said no to a ticket, when and in whose words, and how staff settled it. Reads nothing but the ticket's story."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery import event_words
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.permissions import Who
from recoverydesk.recovery.workflow.closing import SUBJECT
from recoverydesk.recovery.workflow.table import Verb

SAID: dict[str, str | Promise] = {
    Tag.ACCOUNT_RECOVERY_DISPUTE: gettext_lazy("disputed the request"),
    Tag.ACCOUNT_RECOVERY_SIGNED_IN: gettext_lazy("signed in to the account with a second factor"),
    Tag.ACCOUNT_RECOVERY_ALARM: gettext_lazy("added a second factor to the account, or used a recovery code"),
    Tag.ACCOUNT_RECOVERY_STOP: gettext_lazy("stopped the request"),
    Tag.ACCOUNT_RECOVERY_OBJECT: gettext_lazy("objected after the reset: “this wasn't me”"),
    Tag.ACCOUNT_RECOVERY_SETTLE_OBJECTION: gettext_lazy("closed the objection"),
}
PARTIES: dict[str, str | Promise] = {
    Who.ADDRESS_HOLDER: gettext_lazy("somebody who reads mail of the account"),
    Who.SYSTEM: gettext_lazy("the program"),
    Who.CLAIMANT: gettext_lazy("the claimant"),
    Who.SUBJECT: gettext_lazy("the account holder, signed in"),
}


@dataclass(frozen=True)
class SaidNo:
    """One no, or what became of it: `words` are a person's own, `what` is ours."""

    at: datetime
    who: str
    what: str
    words: str


def noes(ticket: RecoveryTicket, events: Iterable[Event]) -> list[SaidNo]:
    """Everything of that kind among the ticket's events, oldest first."""
    found = [_said(ticket, event) for event in events if event.tag in SAID]
    return sorted(found, key=lambda one: one.at)


def _said(ticket: RecoveryTicket, event: Event) -> SaidNo:
    what = str(SAID[event.tag])
    if outcome := event.data.get("outcome"):
        what = f"{what}. {event_words.detail('outcome', outcome)}"
    return SaidNo(event.time, _who(ticket, event), what, _own_words(ticket, event))


def _who(ticket: RecoveryTicket, event: Event) -> str:
    """By name where there is one; a mailed link belongs to the address it went to."""
    if event.tag in (Tag.ACCOUNT_RECOVERY_SIGNED_IN, Tag.ACCOUNT_RECOVERY_ALARM):
        return _("somebody")
    if event.actor_uid == ticket.subject.uid:
        return str(PARTIES[Who.SUBJECT])
    named = event.tag in (Tag.ACCOUNT_RECOVERY_STOP, Tag.ACCOUNT_RECOVERY_OBJECT)
    if event.actor_uid is None and named and ticket.stopped_by not in ("", SUBJECT):
        return _("somebody who reads %(address)s") % {"address": ticket.stopped_by}
    return str(PARTIES.get(event.actor_name, event.actor_name))


def _own_words(ticket: RecoveryTicket, event: Event) -> str:
    """A button of ours gives reasons of its own: what people type comes from staff and co-owners."""
    typed = event.actor_uid not in (None, ticket.subject.uid) and event.data.get("verb") not in (
        Verb.STOP, Verb.WITHDRAW,
    )  # fmt: skip
    return str(event.data.get("reason", "")) if typed else ""
