"""Tickets in every status and everybody who may touch one, made as rows: cheap enough for whole tables."""

import secrets
import time
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Model
from django_otp_webauthn.models import WebAuthnCredential

from accounts.mail import links
from accounts.mail.models import Link, Mail
from accounts.models import RecoveryCodeDevice, TotpDevice, User
from audit.models import Event
from audit.tags import Tag
from common import keys
from common.clock import database_now
from recoverydesk.recovery.evidence import facts
from recoverydesk.recovery.models import (
    OPEN_STATUSES,
    Boundary,
    Claim,
    Probe,
    RecoveryTicket,
    Source,
    Status,
)
from recoverydesk.recovery.permissions import Actor, staff
from recoverydesk.recovery.probing.verdicts import Result, Verdict
from tests.helpers import factories

REASON = "looked at the evidence"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WAITING_OR_READY = (Status.WAITING, Status.READY)


def make_ticket(subject: User, status: str = Status.CHALLENGED, **fields: Any) -> RecoveryTicket:
    """A ticket of that status, requested two days ago; waiting ones wait one more hour, ready ones one hour less."""
    now, contact = database_now(), f"{subject.username}@example.org"
    who_reset = fields.pop("reset_by", None)
    given: dict[str, Any] = {
        "subject": subject,
        "claim": Claim.SECOND_FACTOR,
        "contact": contact,
        "source": Source.FORM,
        "status": status,
        "turn": "theirs" if status == Status.CHALLENGED else "ours",
        "requested_at": now - 2 * DAY,
        "nonce": secrets.token_hex(16),
        "key_id": keys.current_key_id(),
        "facts": facts.snapshot(subject, contact=contact, now=now),
    }
    if status != Status.NEW:
        given["challenged_at"] = now - 2 * DAY
    if status in (*WAITING_OR_READY, Status.COMPLETED):
        given |= {"mailbox_confirmed_at": now - DAY, "wait_until": now + (HOUR if status == Status.WAITING else -HOUR)}
    if status not in OPEN_STATUSES:
        given["closed_at"] = now
    if status == Status.COMPLETED:
        given |= {"completed_at": now, "reset_by": who_reset or make_admin("resetting")}
    return RecoveryTicket.objects.create(**given | fields)


def add_boundary(ticket: RecoveryTicket, namespace: str = "ada", *, proved: bool = False, **fields: Any) -> Boundary:
    """One asked boundary of one repository at git.example."""
    url = f"https://git.example/{namespace}/tool"
    repository = {
        "url": url, "repository": "tool", "project": "tool", "label": "Source", "first_release": "1.0",
        "first_seen": "2024-03-01T00:00:00+00:00", "last_release": "1.0", "last_seen": "2024-03-01T00:00:00+00:00",
    }  # fmt: skip
    given = {"kind": Boundary.Kind.ASKED, "host": "git.example", "repositories": [repository]} | fields
    row = Boundary.objects.create(ticket=ticket, namespace=namespace, **given)
    return prove(row) if proved else row


def prove(row: Boundary) -> Boundary:
    """The branch was found in the boundary's first repository."""
    url = row.repositories[0]["url"]
    row.proof = Probe.objects.create(boundary=row, url=url, repository="tool", verdict=Verdict.FOUND)
    row.proved_at = database_now()
    row.save()
    return row


def result_of(boundary: Boundary, verdict: Verdict, **fields: Any) -> tuple[str, Result]:
    """What a look at the boundary's first repository may have brought."""
    given: dict[str, Any] = {"host": boundary.host, "namespace": boundary.namespace, "repository": "tool"}
    return boundary.repositories[0]["url"], Result(verdict, **given | fields)


def make_admin(username: str = "grace", **fields: Any) -> User:
    return long_serving(factories.make_user(username, staff=True, groups=["Admins"], **fields))


def make_moderator(username: str = "mod", **fields: Any) -> User:
    return long_serving(factories.make_user(username, staff=True, groups=["Moderators"], **fields))


def make_root(username: str = "root") -> User:
    return long_serving(factories.make_user(username, superuser=True))


def long_serving(user: User) -> User:
    """Staff for a month: such rights count where two people decide."""
    user.staff_since = database_now() - 30 * DAY
    user.save(update_fields=["staff_since"])
    return user


def as_staff(user: User) -> Actor:
    """A member of staff; the verbs of `decided` show their second factor."""
    return staff(user)


def status_link(ticket: RecoveryTicket) -> Link:
    return links.make_link("status", ticket.contact, lifetime=DAY, user=ticket.subject, reference=ticket.reference)


def stop_link(ticket: RecoveryTicket, address: str = "") -> Link:
    recipient = address or ticket.contact
    return links.make_link("stop", recipient, lifetime=30 * DAY, user=ticket.subject, reference=ticket.reference)


def add_address(user: User, email: str, *, verified: bool = True) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=email, verified=verified, primary=False)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row that a refused verb must leave as it is."""
    models: list[type[Model]] = [RecoveryTicket, Boundary, Probe, User, Mail, Link, EmailAddress]
    return {
        model.__name__: [_but_lease(row) for row in model._default_manager.order_by("pk").values()] for model in models
    }


def _but_lease(row: dict[str, Any]) -> dict[str, Any]:
    """A row without who works at it, or last did."""
    return {name: value for name, value in row.items() if name not in ("lease", "leased_until")}


def refusals(ticket: RecoveryTicket) -> list[dict[str, Any]]:
    """The data of the ticket's refusals, oldest first."""
    events = Event.objects.filter(ticket=ticket.pk, tag=Tag.ACCOUNT_RECOVERY_REFUSED)
    return list(events.order_by("id").values_list("data", flat=True))


def tags_of(ticket: RecoveryTicket) -> list[str]:
    return list(Event.objects.filter(ticket=ticket.pk).order_by("id").values_list("tag", flat=True))


acting = as_staff


def age_factors(user: User, days: int = 60) -> User:
    """Every second factor of the account was added so many days ago: its visits block and stop."""
    long_ago = database_now() - days * DAY
    TotpDevice.objects.filter(user=user).update(created_at=long_ago)
    RecoveryCodeDevice.objects.filter(user=user).update(created_at=long_ago)
    WebAuthnCredential.objects.filter(user=user).update(created_at=long_ago)
    return user


def stay_clear_of_midnight() -> None:
    """Wait until it is over where a test would be under way while the (UTC) day changes."""
    while (database_now() + timedelta(minutes=2)).date() != database_now().date():
        time.sleep(1)


def confirm_link(ticket: RecoveryTicket) -> Link:
    return links.make_link(
        "confirm_contact", ticket.contact, lifetime=DAY, user=ticket.subject, reference=ticket.reference
    )  # fmt: skip
