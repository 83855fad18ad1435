"""The rarer tickets of the desk, brought about by the verbs that would bring them about: one of each kind.

They happen while the sample data is made; what the worker does afterwards (mail, looks, clocks) is real, too.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from rich.progress import track

from accounts import decisions, services
from accounts.devices import TotpDevice
from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from recoverydesk.demo import codehost
from recoverydesk.demo.logins import PASSWORD
from recoverydesk.recovery import notices, workflow
from recoverydesk.recovery.desk import notes
from recoverydesk.recovery.models import BoundaryException, Claim, OtherProof, RecoveryTicket, Source
from recoverydesk.recovery.permissions import SYSTEM, address_holder, claimant, staff
from recoverydesk.recovery.workflow import seen_pages, staff_decisions

ROBBED, WARY = "pia", "quin"  # an owner who objected to a reset; an account that staff froze
ELSEWHERE = "new.example.org"  # where addresses lie that nobody has verified yet

People = Mapping[str, User]


def play_stories(users: People, root: Path) -> None:
    """Play every story once; `root` holds the code host's repositories."""
    stories = [_lost_address, _lost_everything, _unverified, _disputed, _objected, _frozen, _of_staff]
    if settings.STAFF_STEP_UP != "webauthn":  # its people have apps
        stories.insert(3, lambda users: _excepted(users, root))
    for story in track(stories, "Stories   "):
        story(users)


def _open(user: User, claim: Claim = Claim.SECOND_FACTOR, contact: str = "") -> RecoveryTicket:
    opened = workflow.open_ticket(subject=user, claim=claim, actor=SYSTEM, source=Source.FORM, contact=contact)
    return opened.ticket


def _ask_for_proof(user: User, claim: Claim = Claim.SECOND_FACTOR, contact: str = "") -> RecoveryTicket:
    return workflow.challenge(_open(user, claim, contact).pk, actor=SYSTEM)


def _confirm(ticket: RecoveryTicket) -> None:
    """The claimant clicks the button on the page behind the mailed link."""
    purpose = "status" if ticket.claim == Claim.SECOND_FACTOR else "confirm_contact"
    link = Link.objects.get(reference=ticket.reference, purpose=purpose)
    workflow.confirm_mailbox(ticket.pk, actor=claimant(link))


def _lost_address(users: People) -> None:
    """A new contact, confirmed, and a proof bound to the account; a moderator asks another to look."""
    ticket = _ask_for_proof(users["kofi"], Claim.EMAIL, f"kofi@{ELSEWHERE}")
    _confirm(ticket)
    actor = claimant(notices.status_link(ticket))
    offer = workflow.Offer(OtherProof.Kind.PASSWORD, secret=PASSWORD)
    workflow.offer_proof(ticket.pk, actor=actor, offer=offer)
    notes.add_note(
        ticket.pk, actor=staff(users["mira"]), text="@jon, you answered them in spring: is this the same person?"
    )


def _lost_everything(users: People) -> None:
    """The new contact has only the link that confirms it; the same person had asked from another mailbox before."""
    first = _open(users["lior"], Claim.EMAIL_AND_SECOND_FACTOR, "lior@old.example.org")
    second = _ask_for_proof(users["lior"], Claim.EMAIL_AND_SECOND_FACTOR, f"lior@{ELSEWHERE}")
    workflow.reject(first.pk, actor=staff(users["mira"]), reason=f"duplicate of #{second.pk}")


def _unverified(users: People) -> None:
    """Addresses on file that were never verified, confirmed now; one of the two lost their phone as well."""
    _confirm(_ask_for_proof(users["maya"], Claim.UNVERIFIED_EMAIL, users["maya"].email))
    _confirm(_ask_for_proof(users["tara"], Claim.UNVERIFIED_AND_FACTOR, users["tara"].email))


def _excepted(users: People, root: Path) -> None:
    """One boundary is proved by a real branch, the other one accepted by two people (with the apps they have)."""
    ticket = _ask_for_proof(users["nils"])
    codehost.git(codehost.folder_of(root, "nils/nest"), "branch", notices.token_of(ticket), "main")
    _confirm(ticket)
    gone = ticket.boundaries.get(namespace="nils-archive")
    asks: dict[str, Any] = {"boundary_id": gone.pk, "other_proof": BoundaryException.OtherProof.DEAD_HOST}
    reason = "the host closed last year; its archive names the same person"
    mira = _confirmed(users["mira"], "ask_exception", ticket, gone)
    workflow.ask_exception(ticket.pk, **mira, **asks, reason=reason)
    rosa = _confirmed(users["rosa"], "approve_exception", ticket, gone)
    workflow.approve_exception(ticket.pk, **rosa, boundary_id=gone.pk, reason="I read the archive, it does")


def _confirmed(user: User, verb: str, ticket: RecoveryTicket, part: object) -> dict[str, Any]:
    """This member of staff, who shows the app of the sample login for one decision on the ticket as it is now."""
    ticket.refresh_from_db()
    seen = seen_pages.seen_of_ticket(ticket)
    decision = staff_decisions.decision(verb, ticket.pk, seen, str(part))
    app = TotpDevice.objects.filter(user=user, confirmed=True).earliest("id")
    return {"actor": staff(user, confirmed=decisions.confirm(decision, user, app)), "seen": seen}


def _disputed(users: People) -> None:
    ticket = _ask_for_proof(users["olga"])
    reason = "somebody wrote to us that the mailbox is in other hands"
    workflow.dispute(ticket.pk, actor=staff(users["mira"]), reason=reason)


def _objected(users: People) -> None:
    """The owner objects to a reset of the day before: the account is frozen at once."""
    owner = users[ROBBED]
    ticket = RecoveryTicket.objects.get(subject=owner)
    week = timedelta(days=7)
    link = links.make_link("stop", owner.email, lifetime=week, user=owner, reference=ticket.reference)
    workflow.object_after_reset(ticket.pk, actor=address_holder(link))


def _frozen(users: People) -> None:
    reason = "uploads from a strange network"
    services.freeze(users[WARY], by=User.FrozenBy.STAFF, actor=users["mira"], reason=reason)
    _open(users[WARY])


def _of_staff(users: People) -> None:
    """The desk asks nothing of staff by itself; a colleague does, and a superuser has to approve."""
    ticket = _open(users["rene"])
    workflow.challenge(ticket.pk, actor=staff(users["mira"]))
