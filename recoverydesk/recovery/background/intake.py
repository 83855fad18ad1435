"""Every door to one ticket: a request row (public form) or staff become the same call of `open_ticket`."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from accounts.mail.models import Request
from accounts.models import User
from audit.log import RequestOrigin
from common import failpoints, keys
from common.clock import database_now
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.workflow.challenges import UNCONFIRMED_A_MONTH, may_resend
from recoverydesk.recovery.workflow.opening import Opened

KIND = "recovery"
PER_MINUTE = 60  # requests; more are handled later


def note_request(*, username: str, claim: str, says_codes_lost: bool, network: str, contact: str = "") -> Request:
    """Note down a request of the public form. Two queries, whoever it names; the sweep does the rest.

    Over PER_MINUTE waiting ones it is delayed, never dropped (design rule 10).
    """
    asked = {"username": username, "claim": claim, "says_codes_lost": says_codes_lost, "contact": contact}
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
    subject = find_subject(payload["username"])
    if subject is None:
        return None
    try:
        opened = workflow.open_ticket(
            subject=subject,
            claim=Claim(payload["claim"]),
            actor=replace(SYSTEM, origin=RequestOrigin(network=request.network)),
            source=Source.FORM,
            contact=payload.get("contact", ""),
            says_codes_lost=payload["says_codes_lost"],
            requested_at=request.created_at,
        )
        if not opened.joined:
            _say_received(opened.ticket)
        elif opened.ticket.status == Status.CHALLENGED and may_resend(opened.ticket, database_now()):
            workflow.resend(opened.ticket.pk, actor=SYSTEM)
    except errors.RecoveryError:
        return None  # the verb has recorded its refusal; the form's answer is the same for everybody
    return opened


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
    payload["username"] = payload["username"].strip().lower()
    return json.dumps(payload, sort_keys=True)


def find_subject(username: str) -> User | None:
    """The account of this name, ignoring case; deactivated ones are nobody's to recover."""
    return User.objects.with_username(username.strip()).filter(is_active=True).first()
