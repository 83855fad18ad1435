"""The one way to write an event: `record`, in the transaction of what it records."""

import functools
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Protocol
from uuid import UUID

from allauth.core.internal.httpkit import get_client_ip
from django.db import connection, transaction
from django.db.models.functions import Now
from django.http import HttpRequest

from audit.models import Event, EventDetail
from audit.tags import Tag

DEVICE_LENGTH = 300
NAME_LENGTH = 200


class Party(Protocol):
    """Somebody with an account."""

    uid: UUID
    username: str


class ProjectLike(Protocol):
    uid: UUID
    name: str


@dataclass(frozen=True)
class RequestOrigin:
    """Where a request came from: an IP address and the browser's own words."""

    network: str = ""
    device: str = ""


def origin_of(request: HttpRequest | None) -> RequestOrigin:
    """Return the request's origin; the address honours ALLAUTH_TRUSTED_PROXY_COUNT. No request, no origin."""
    if request is None:
        return RequestOrigin()
    return RequestOrigin(
        network=_plain(get_client_ip(request) or ""), device=_printable(request.headers.get("User-Agent", ""))
    )


def record(
    tag: Tag,
    *,
    actor: Party | str,
    subject: Party | None = None,
    ticket: int | None = None,
    project: ProjectLike | None = None,
    token: UUID | None = None,
    origin: RequestOrigin | None = None,
    address: str = "",
    **data: Any,
) -> Event:
    """Write one event: one query, two when there is a network, device or address to keep apart.

    `actor` is an account or a plain name for whoever has none ("system", "claimant", "address holder"). `data` must
    be JSON and hold neither secrets nor addresses: nothing in it can ever be erased. Call it inside the transaction
    of the change; if the event cannot be written, the change must not happen either.
    """
    detail = _detail(origin or RequestOrigin(), address)
    with transaction.atomic(savepoint=False):
        event = Event(
            tag=tag,
            actor_uid=None if isinstance(actor, str) else actor.uid,
            actor_name=(actor if isinstance(actor, str) else actor.username)[:NAME_LENGTH],
            subject_uid=subject.uid if subject else None,
            subject_name=subject.username[:NAME_LENGTH] if subject else "",
            ticket=ticket,
            project_uid=project.uid if project else None,
            project_name=project.name[:NAME_LENGTH] if project else "",
            token_id=token,
            data=data,
            commitment=detail.commitment() if detail else "",
        )
        _insert(event)
        if detail:
            detail.event_id = event.id
            detail.save(force_insert=True)
    return event


def record_hourly(
    tag: Tag,
    *,
    actor: Party | str,
    subject: Party | None = None,
    ticket: int | None = None,
    origin: RequestOrigin | None = None,
    verb: str,
    **data: Any,
) -> None:
    """Write one event, unless the same actor did the same (verb and error) in the last hour.

    For what anybody with a mailed link or an account could repeat all day: nothing written here is ever erased. Call
    it for a refusal after the refused transaction is over.
    """
    uid, name = (None, actor) if isinstance(actor, str) else (actor.uid, actor.username)
    same = Event.objects.filter(tag=tag, ticket=ticket, actor_uid=uid, actor_name=name[:NAME_LENGTH], data__verb=verb)
    same = same.filter(subject_uid=subject.uid if subject else None, time__gt=Now() - timedelta(hours=1))
    if "error" in data:
        same = same.filter(data__error=data["error"])
    if not same.exists():
        record(tag, actor=actor, subject=subject, ticket=ticket, origin=origin, verb=verb, **data)


def _insert(event: Event) -> None:
    """One INSERT with the statement made once: what `save()` does, in half of its time (bench/audit.py)."""
    values = [field.get_db_prep_save(getattr(event, field.attname), connection) for field in _columns()]
    with connection.cursor() as cursor:
        cursor.execute(_statement(), values)
        event.id, time = cursor.fetchone()
    event.time = time if time.tzinfo else time.replace(tzinfo=UTC)  # SQLite knows no zones
    event._state.adding, event._state.db = False, connection.alias


@functools.cache
def _columns() -> tuple[Any, ...]:
    return tuple(field for field in Event._meta.concrete_fields if field.name not in ("id", "time"))


@functools.cache
def _statement() -> str:
    names = ", ".join(field.column for field in _columns())
    marks = ", ".join(["%s"] * len(_columns()))
    return f"INSERT INTO audit_event ({names}) VALUES ({marks}) RETURNING id, time"  # noqa: S608 - our own columns


def _detail(origin: RequestOrigin, address: str) -> EventDetail | None:
    if not (origin.network or origin.device or address):
        return None
    return EventDetail(salt=secrets.token_hex(32), network=origin.network, device=origin.device, address=address)


def _plain(address: str) -> str:
    """An IPv4 address that a socket for both families wrote as `::ffff:192.0.2.1`, as itself (RFC 4291 2.5.5.2)."""
    mapped = ipaddress.IPv6Address(address).ipv4_mapped if ":" in address else None
    return str(mapped) if mapped else address


def _printable(text: str) -> str:
    """Drop control characters, line separators and everything past the stored length."""
    return "".join(letter for letter in text if letter.isprintable())[:DEVICE_LENGTH]
