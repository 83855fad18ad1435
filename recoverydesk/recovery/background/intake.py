"""Every door to one ticket: a request row (public form) or staff become the same call of `open_ticket`."""

import json
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from accounts import addresses, typed_names
from accounts.mail import outbox
from accounts.mail.models import Request
from accounts.models import User
from audit.log import RequestOrigin
from common import failpoints, keys
from common.clock import database_now
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.evidence import claims
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.policy import NEW_CONTACT
from recoverydesk.recovery.workflow.challenges import UNCONFIRMED_A_MONTH, may_resend
from recoverydesk.recovery.workflow.opening import Opened

KIND = "recovery"
IN_USE = "recovery_address_in_use"
PER_MINUTE = 60  # requests; more are handled later


def note_request(
    *,
    username: str,
    claim: str,
    says_codes_lost: bool,
    network: str,
    contact: str = "",
    source: Source = Source.FORM,
    issue_url: str = "",
) -> Request:
    """Note down a request of a public form. Two queries, whoever it names; the sweep does the rest.

    Over PER_MINUTE waiting ones it is delayed, never dropped (design rule 10).
    """
    asked = {"username": username, "claim": claim, "says_codes_lost": says_codes_lost, "contact": contact}
    if source != Source.FORM:
        asked |= {"source": source.value, "issue_url": issue_url}
    payload = json.dumps(asked)
    waiting = Request.objects.filter(kind=KIND, handled_at=None).count()
    request = Request.objects.create(
        kind=KIND,
        payload=keys.encrypt(KIND, payload.encode()),
        network=network,
        due_at=Now() + timedelta(minutes=waiting // PER_MINUTE),
    )
    failpoints.reach("request", "noted")
    return request


def handle(request: Request) -> Opened | None:
    """Turn one request row into a ticket; None when it names no account the desk can help."""
    payload = _payload(request)
    subject, contact = find_subject(payload["username"]), payload.get("contact", "")
    _tell_holder(contact, subject)
    if subject is None:
        _note_unmatched(request, payload)
        return None
    asked = claims.decide(payload["claim"], contact, claims.on_file(subject))
    if asked.claim.value in NEW_CONTACT and "@" in payload["username"] and not _is_own(contact, subject):
        return None
    try:
        opened = workflow.open_ticket(
            subject=subject,
            claim=asked.claim,
            actor=replace(SYSTEM, origin=RequestOrigin(network=request.network)),
            source=Source(payload.get("source", Source.FORM)),
            issue_url=payload.get("issue_url", ""),
            contact=asked.contact,
            says_codes_lost=payload["says_codes_lost"],
            requested_at=request.created_at,
        )
        if not opened.joined:
            _say_received(opened.ticket)
        elif opened.ticket.status != Status.NEW and may_resend(opened.ticket, database_now()):
            workflow.resend(opened.ticket.pk, actor=SYSTEM)
    except errors.RecoveryError:
        return None  # the verb has recorded its refusal; the form's answer is the same for everybody
    return opened


def _note_unmatched(request: Request, payload: dict[str, Any]) -> None:
    """Leave what names no account to the room that settings.RECOVERY_HOOKS names, in the transaction of the request."""
    if path := settings.RECOVERY_HOOKS.get("unmatched"):
        import_string(path)(request, payload)


def _is_own(contact: str, subject: User) -> bool:
    """Whether the account verified this address: whoever reads it may know whose account it is.

    A new contact may not where an address was typed as the name: anybody could learn whom an address belongs to.
    """
    holder = addresses.owner_of(contact)
    return holder is not None and holder.pk == subject.pk


def _tell_holder(contact: str, subject: User | None) -> None:
    """An address that another account has verified cannot be a contact: its mailbox is told what to do, nobody else.

    It is told whether there is an account of the typed name or not, and neither that nor which.
    """
    holder = addresses.owner_of(contact) if contact else None
    if holder is None or (subject is not None and holder.pk == subject.pk):
        return
    outbox.queue_limited(
        IN_USE, contact, user=holder, dedupe=f"{IN_USE}:{secrets.token_hex(8)}",
        context={"username": holder.username},
    )  # fmt: skip


def _say_received(ticket: RecoveryTicket) -> None:
    """Where a person looks before anything is mailed, the account's own addresses hear of the request at once.

    With their stop links, and never more than UNCONFIRMED_A_MONTH times. A contact that the account has not verified
    hears nothing: whoever typed it would learn that the account exists (design rule 10).
    """
    if ticket.challenges_itself or ticket.claim != Claim.SECOND_FACTOR:
        return
    unconfirmed = RecoveryTicket.objects.filter(subject=ticket.subject_id, mailbox_confirmed_at=None)
    if unconfirmed.filter(opened_at__gt=Now() - timedelta(days=30)).count() <= UNCONFIRMED_A_MONTH:
        notices.tell_addresses(ticket, "recovery_received")


def _payload(request: Request) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(keys.decrypt(KIND, bytes(request.payload)))
    return payload


def what_it_asks(request: Request) -> str:
    """Equal for requests that ask for the same; unlike every other for one that cannot be read."""
    try:
        payload = _payload(request)
    except keys.BadCiphertext:
        return f"unreadable {request.pk}"
    with suppress(typed_names.NoName):
        payload["username"] = typed_names.read(payload["username"]).lower()
    return json.dumps(payload, sort_keys=True)


def find_subject(username: str) -> User | None:
    """The account that was typed, as people write names; deactivated ones are nobody's to recover."""
    user = typed_names.find(username)
    return user if user and user.is_active else None
