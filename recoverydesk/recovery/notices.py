"""The desk's mails: who is told what. Rows only; the outbox sends them. No text a claimant wrote goes in."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import translation
from django.utils.timesince import timesince
from django.utils.translation import ngettext

from accounts import addresses
from accounts.mail import limits, links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import people
from recoverydesk.recovery import branch_token
from recoverydesk.recovery.code_hosts.described import stored_hosts
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket
from recoverydesk.recovery.policy_terms import NEW_CONTACT
from recoverydesk.recovery.repository_urls import pushing
from recoverydesk.recovery.repository_urls.parser import Hosts

STATUS_LINK = timedelta(days=400)  # they die with the ticket, and our turn may be long
CONFIRM_LINK = timedelta(days=14)
STOP_LINK = timedelta(days=400)
PASSWORD_LINK = timedelta(hours=1)
LISTED_REPOSITORIES = 5
CHOOSE = "recovery_choose_password"
OUT_OF_REACH = "recovery_out_of_reach"
CONFIRMING = ("recovery_confirm_contact", OUT_OF_REACH)


def challenge(ticket: RecoveryTicket, boundaries: list[Boundary], *, wait: timedelta) -> None:
    """Mail the contact its token (a new one its confirming link), every address a stop link, and co-owners word.

    A contact among the addresses gets one mail with both (docs/adr/0151).
    """
    if ticket.claim == Claim.SECOND_FACTOR:
        make_status_link(ticket)
    else:
        _make_link(ticket, "confirm_contact", CONFIRM_LINK)
    send_challenge(ticket, boundaries, wait=wait, round_=0)
    tell_addresses(ticket, "recovery_notice", but_contact=True)
    tell_co_owners(ticket, "recovery_co_owner")


def make_status_link(ticket: RecoveryTicket) -> Link:
    """The contact's status link; one per ticket."""
    return _make_link(ticket, "status", STATUS_LINK)


def _make_link(ticket: RecoveryTicket, purpose: str, lifetime: timedelta, *, to: str = "") -> Link:
    given = to or ticket.contact
    return links.make_link(purpose, given, lifetime=lifetime, user=ticket.subject, reference=ticket.reference)


def send_challenge(ticket: RecoveryTicket, boundaries: list[Boundary], *, wait: timedelta, round_: int) -> Mail:
    """The mail only the contact gets; a second one carries the same branch token and the same link."""
    asked = [boundary for boundary in boundaries if boundary.kind == Boundary.Kind.ASKED]
    never = ticket.claim in NEW_CONTACT and not asked  # policy.out_of_reach
    if not contact_is_known(ticket):
        return _send_confirming(ticket, round_, kind=OUT_OF_REACH if never else "recovery_confirm_contact")
    kind = "recovery_challenge" if asked else OUT_OF_REACH if never else "recovery_challenge_without_repositories"
    with translation.override(ticket.subject.language):  # the mail's
        length = span(wait)
    context = (
        _context(ticket)
        | _has_projects(ticket)
        | {
            "boundaries": _boundaries(asked),
            "wait": length,
        }
    )
    return outbox.queue(
        kind,
        ticket.contact,
        user=ticket.subject,
        reference=ticket.reference,
        context=context,
        links={"status": status_link(ticket).pk} | way_to_stop(ticket),
        dedupe=challenge_key(ticket, round_),
    )


def _has_projects(ticket: RecoveryTicket) -> dict[str, bool]:
    return {"has_projects": bool(ticket.facts.get("projects"))}


def asked_in_addition(ticket: RecoveryTicket, boundaries: list[Boundary]) -> Mail | None:
    """Tell a contact that has its branch token where else to push it. A boundary is asked for in addition once."""
    asked = sorted((row for row in boundaries if row.kind == Boundary.Kind.ASKED), key=lambda row: row.pk)
    if not asked or not contact_is_known(ticket) or is_quiet(ticket):
        return None
    return tell_contact(
        ticket,
        "recovery_challenge_added",
        once=f":{asked[0].pk}",
        links_={"status": status_link(ticket).pk} | way_to_stop(ticket),
        boundaries=_boundaries(asked),
    )


def _send_confirming(ticket: RecoveryTicket, round_: int, *, kind: str = "recovery_confirm_contact") -> Mail:
    """All a contact gets that nobody has confirmed: the link that confirms it, and its stop link if it has one."""
    link = Link.objects.get(reference=ticket.reference, purpose="confirm_contact", dead_at=None)
    return outbox.queue(
        kind,
        ticket.contact,
        user=ticket.subject,
        reference=ticket.reference,
        context=_context(ticket) | _has_projects(ticket),
        links={"confirm_contact": link.pk} | way_to_stop(ticket),
        dedupe=confirming_key(ticket, round_),
    )


def is_quiet(ticket: RecoveryTicket) -> bool:
    """Somebody signed in to the account meanwhile: the contact hears nothing by itself but how the request ends."""
    return ticket.signed_in_at is not None and ticket.is_open


def contact_is_known(ticket: RecoveryTicket) -> bool:
    """Whether the contact may get more than its confirming link."""
    return ticket.claim == Claim.SECOND_FACTOR or ticket.mailbox_confirmed_at is not None


def rounds(ticket: RecoveryTicket) -> int:
    """The number of the contact's next mail of the same kind; 0 is the first."""
    confirming = Q(kind__in=CONFIRMING)
    token = Q(kind__startswith="recovery_challenge") | Q(kind=OUT_OF_REACH)
    mails = Mail.objects.filter(token if contact_is_known(ticket) else confirming, reference=ticket.reference)
    return mails.count()


def sent_again(ticket: RecoveryTicket) -> QuerySet[Mail]:
    """The contact's mails after the first of each kind."""
    kinds = Q(kind__startswith="recovery_challenge") | Q(kind__in=(*CONFIRMING, "recovery_status"))
    first = Q(dedupe_key__in=(challenge_key(ticket), confirming_key(ticket)))
    own = first | Q(kind="recovery_challenge_added")  # ours to send: it takes none of the claimant's three a day
    return Mail.objects.filter(kinds, reference=ticket.reference).exclude(own)


def confirming_key(ticket: RecoveryTicket, round_: int = 0) -> str:
    """The dedupe key of the mail that asks a new contact to confirm itself."""
    return f"{ticket.reference}:confirm:{round_}"


def challenge_key(ticket: RecoveryTicket, round_: int = 0) -> str:
    """The dedupe key of the contact's mail; every round after 0 is one sent again."""
    return f"{ticket.reference}:challenge:{round_}"


def tell_addresses(
    ticket: RecoveryTicket,
    kind: str,
    *,
    once: str = "",
    contact_too: dict[str, int] | None = None,
    but_contact: bool = False,
    **context: Any,
) -> None:
    """One mail with its own stop link to every verified address, and to those removed recently.

    `once` names one of several notices of the same kind; `contact_too` are links for the contact among the addresses,
    which is left out with `but_contact`: another mail of the same moment says it all and has its stop link.
    """
    for address in addresses.notice_addresses(ticket.subject, since=ticket.requested_at):
        its_own = address.lower() == ticket.contact.lower()
        if its_own and but_contact:
            continue
        stop = stop_link(ticket, address)
        more = (contact_too or {}) if its_own else {}
        outbox.queue(
            kind,
            address,
            user=ticket.subject,
            reference=ticket.reference,
            context=_context(ticket) | context,
            links={"stop": stop.pk} | more,
            dedupe=f"{ticket.reference}:{kind}{once}:{address}",
        )


def tell_co_owners(ticket: RecoveryTicket, kind: str, **context: str) -> None:
    """Word to everybody who owns a project together with the subject."""
    for owner in people.co_owners(ticket.subject):
        for address in addresses.verified(owner):
            outbox.queue(
                kind,
                address,
                user=owner,
                reference=ticket.reference,
                context=_context(ticket, owner) | {"owner": owner.username} | context,
                dedupe=f"{ticket.reference}:{kind}:{owner.pk}:{address}",
            )


def tell_contact(
    ticket: RecoveryTicket, kind: str, *, once: str = "", links_: dict[str, int] | None = None, **context: Any
) -> Mail:
    """One mail to the contact, once per ticket, kind and `once`; unless links are given, with the way to its page."""
    return outbox.queue(
        kind,
        ticket.contact,
        user=ticket.subject,
        reference=ticket.reference,
        context=_context(ticket) | context,
        links=way_to_status(ticket) if links_ is None else links_,
        dedupe=f"{ticket.reference}:{kind}{once}",
    )


def tell_everybody(ticket: RecoveryTicket, kind: str, *, once: str = "", **context: Any) -> Mail | None:
    """The same news to every address with its stop link, to the contact with its status link, on file or not."""
    tell_addresses(ticket, kind, once=once, contact_too=way_to_status(ticket), **context)
    told = ticket.contact in addresses.notice_addresses(ticket.subject, since=ticket.requested_at)
    if told or not contact_is_known(ticket) or is_quiet(ticket):
        return None
    return tell_contact(ticket, kind, once=once, **context)


def way_to_status(ticket: RecoveryTicket) -> dict[str, int]:
    """The contact's status link, by the name mails know it under; nothing while the contact must hear nothing.

    It leads to the page of the end once the ticket has ended.
    """
    if not contact_is_known(ticket) or is_quiet(ticket):
        return {}
    made = Link.objects.filter(reference=ticket.reference, purpose="status", recipient=ticket.contact)
    link = made.order_by("-id").first()
    return {"status": link.pk} if link else {}


def way_to_stop(ticket: RecoveryTicket) -> dict[str, int]:
    """The contact's own stop link, by the name mails know it under; nothing where the account is not told of it there.

    An address of the claimant's that is not the account's closes the request on the status page, and freezes nothing.
    """
    told = addresses.notice_addresses(ticket.subject, since=ticket.requested_at)
    address = next((one for one in told if one.lower() == ticket.contact.lower()), None)
    return {} if address is None else {"stop": stop_link(ticket, address).pk}


def send_status_link(ticket: RecoveryTicket) -> Mail:
    """The status link once more, for a contact that has nothing to do but may have lost it."""
    earlier = Mail.objects.filter(reference=ticket.reference, kind="recovery_status").count()
    ways = way_to_status(ticket) | way_to_stop(ticket)
    return tell_contact(ticket, "recovery_status", once=f":{earlier}", links_=ways)


def remind(ticket: RecoveryTicket, *, once: str, until: str) -> Mail | None:
    """It is still the claimant's turn; at `until` the request closes by itself."""
    if is_quiet(ticket):
        return None
    known = contact_is_known(ticket)
    purpose = "status" if known else "confirm_contact"
    link = Link.objects.filter(reference=ticket.reference, purpose=purpose, dead_at=None, used_at=None).first()
    given = {"go": link.pk} if link else {}
    return tell_contact(ticket, "recovery_reminder", once=once, links_=given, until=until, known=known)


def progress(ticket: RecoveryTicket, boundary: Boundary, *, done: int, total: int) -> Mail | None:
    """One boundary is proved and others are not yet."""
    if not contact_is_known(ticket) or is_quiet(ticket):
        return None
    context: dict[str, Any] = {"place": str(boundary), "done": done, "total": total}
    return tell_contact(ticket, "recovery_progress", once=f":{boundary.pk}", **context)


def first_sign_in(ticket: RecoveryTicket) -> None:
    """After a reset the account is in use again: its co-owners hear of it, once."""
    ends = ticket.subject.quarantine_until
    tell_co_owners(ticket, "recovery_first_sign_in", until=f"{ends:%Y-%m-%d %H:%M UTC}" if ends else "")


def choose_password(ticket: RecoveryTicket) -> Mail:
    """Tell the contact what the reset did, with the choose-password link and its stop link; an earlier link dies."""
    link = _password_link(ticket)
    given = _password_mail(ticket, link, PASSWORD_LINK)
    given["context"] = {**(given["context"] or {}), "done": True}
    given["links"] = {**(given["links"] or {}), **way_to_stop(ticket)}
    return outbox.queue(CHOOSE, ticket.contact, dedupe=f"{ticket.reference}:choose_password:{link.pk}", **given)


def choose_password_again(ticket: RecoveryTicket, *, by_holder: bool) -> Mail | None:
    """Once more: None when today's are used up. Call it under the ticket's lock.

    Whoever holds a link gets a fresh one for it, and that one dies. Anybody can type the address into "Forgot
    password?": that mails the link that still lives once more, and uses up none of the holder's.
    """
    cause = f"{CHOOSE}:{'holder' if by_holder else 'anybody'}"
    if limits.slot(cause, ticket.contact) is None:
        return None
    live = None if by_holder else _live_password_link(ticket)
    link = live or _password_link(ticket)
    given = _password_mail(ticket, link, live.expires_at - database_now() if live else PASSWORD_LINK)
    dedupe = f"{ticket.reference}:choose_password:{link.pk}:{secrets.token_hex(8)}"
    return outbox.queue_limited(CHOOSE, ticket.contact, dedupe=dedupe, cause=cause, **given)


def _live_password_link(ticket: RecoveryTicket) -> Link | None:
    made = Link.objects.filter(reference=ticket.reference, purpose="choose_password", used_at=None, dead_at=None)
    return made.filter(expires_at__gt=Now()).order_by("-id").first()


def _password_link(ticket: RecoveryTicket) -> Link:
    """A fresh one; an earlier one dies."""
    links.kill(reference=ticket.reference, purposes=["choose_password"])
    return links.make_link(
        "choose_password", ticket.contact, lifetime=PASSWORD_LINK, user=ticket.subject, reference=ticket.reference
    )  # fmt: skip


def _password_mail(ticket: RecoveryTicket, link: Link, lives: timedelta) -> outbox.Given:
    minutes = max(1, int(lives.total_seconds() // 60))
    return {
        "user": ticket.subject,
        "reference": ticket.reference,
        "context": _context(ticket) | {"minutes": minutes},
        "links": {"choose_password": link.pk},
    }


def status_link(ticket: RecoveryTicket) -> Link:
    """The contact's status link, made with the challenge."""
    return Link.objects.get(reference=ticket.reference, purpose="status", dead_at=None)


def secrets_of(mail: Mail) -> dict[str, str]:
    """What no table holds: the branch token of the ticket a challenge mail belongs to."""
    if not mail.kind.startswith("recovery_challenge"):
        return {}
    ticket = RecoveryTicket.objects.get(pk=int(mail.reference.removeprefix("ticket:")))
    return {"branch_token": token_of(ticket)}


def token_of(ticket: RecoveryTicket) -> str:
    """The ticket's branch token, derived with a key that is not in the database."""
    return branch_token.derive(ticket.pk, ticket.nonce, ticket.key_id)


def stop_link(ticket: RecoveryTicket, address: str) -> Link:
    """The recipient's own stop link; one per ticket and address, made with the first mail that needs it."""
    made = Link.objects.filter(
        purpose="stop", recipient=address, reference=ticket.reference, used_at=None, dead_at=None
    )
    return made.first() or _make_link(ticket, "stop", STOP_LINK, to=address)


def _context(ticket: RecoveryTicket, reader: User | None = None) -> dict[str, object]:
    known = {
        "number": ticket.pk,
        "username": ticket.subject.username,
        "requested": ticket.requested_at.isoformat(),
        "claim": ticket.claim,
    }
    return known if ticket.completed_at is None else known | _after_reset(reader or ticket.subject)


def _after_reset(reader: User) -> dict[str, str]:
    """How long the limits last and how long one may object, in the language of who reads it."""
    with translation.override(reader.language):
        return {
            "limits": span(settings.QUARANTINE_AFTER_SIGN_IN),
            "object_within": span(settings.RECOVERY_OBJECT_WITHIN),
        }


def _boundaries(asked: list[Boundary]) -> list[dict[str, object]]:
    """Each owner with repositories that will do, and how to make the branch in the newest of them."""
    hosts = stored_hosts() if asked else {}
    return [_boundary_context(boundary, hosts) for boundary in asked]


def _boundary_context(boundary: Boundary, hosts: Hosts) -> dict[str, object]:
    ways = (pushing.way(repository["url"], hosts) for repository in boundary.repositories)
    way = next((one for one in ways if one is not None), None)
    return {
        "host": boundary.host,
        "namespace": boundary.namespace,
        "repositories": [repository["url"] for repository in boundary.repositories[:LISTED_REPOSITORIES]],
        "more": max(0, len(boundary.repositories) - LISTED_REPOSITORIES),
        "way": way.as_json() if way else None,
    }


def span(span: timedelta) -> str:
    """A length of time for a mail: "7 days", "1 day", "12 hours". Dated from a fixed day, so always the same."""
    days, rest = divmod(span, timedelta(days=1))
    if days > 1 and not rest:  # thirty days are neither four weeks nor a month
        return ngettext("%d day", "%d days", days) % days
    start = datetime(2001, 1, 1, tzinfo=UTC)
    return timesince(start, start + span, depth=1).replace("\xa0", " ")
