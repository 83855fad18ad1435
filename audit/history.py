"""What happened to an account, in sentences its owner reads. Staff have no names here."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from ipaddress import ip_address, ip_network
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from audit.models import Event, EventDetail
from audit.tags import Tag

ABOUT = ("file", "version", "status", "publisher")  # of an event of a project: what it was about
FELLOWS = ("account:role:", "project:", "file:")  # done by people of the same project, who know each other by name


@dataclass(frozen=True)
class Line:
    """One event as its subject sees it; network, device and address are empty when erased or not theirs to see."""

    id: int
    time: datetime
    tag: str
    sentence: str
    actor: str
    ticket: int | None
    project: str
    network: str
    device: str
    address: str


def for_subject(uid: UUID, limit: int = 100, *, kinds: Collection[str] = (), before: int | None = None) -> list[Line]:
    """Return the newest events about an account, newest first, in two queries.

    `kinds` keeps those whose tag begins with one of these; `before` those with a smaller id, for the next page.

    Where somebody else acted, who and from where stays out: staff read "the recovery desk", so that nobody can
    single out and press the person who decided.
    """
    rows = Event.objects.filter(subject_uid=uid)
    if kinds:
        rows = rows.filter(reduce(or_, (Q(tag__startswith=kind) for kind in kinds)))
    if before is not None:
        rows = rows.filter(id__lt=before)
    events = list(rows.order_by("-id")[:limit])
    details = EventDetail.objects.filter(event_id__in=[event.id for event in events])
    by_event = {detail.event_id: detail for detail in details}
    return [_line(event, by_event) for event in events]


@dataclass(frozen=True)
class ProjectLine:
    """One event as an owner of the project sees it; `network` is cut short where it is not the reader's own."""

    id: int
    time: datetime
    tag: str
    sentence: str
    about: str
    actor: str
    subject: str
    token: UUID | None
    network: str


def for_project(
    uid: UUID, *, reader: UUID, limit: int = 50, before: int | None = None, networks: bool = False
) -> list[ProjectLine]:
    """Return the newest events of a project, newest first, in one query, for its owner `reader`.

    People of the project are named; the desk, which only acts on a ticket, is not. With `networks`, one more query
    tells from where they acted on the project (docs/adr/0160).
    """
    rows = Event.objects.filter(project_uid=uid)
    if before is not None:
        rows = rows.filter(id__lt=before)
    events = list(rows.order_by("-id")[:limit])
    places = _networks(events) if networks else {}
    return [
        ProjectLine(
            id=event.id,
            time=event.time,
            tag=event.tag,
            sentence=event.sentence,
            about=_about(event.data),
            actor=_("you") if event.actor_uid == reader else _in_project(event),
            subject=event.subject_name,
            token=event.token_id,
            network=_from_where(event, places.get(event.id, ""), reader),
        )
        for event in events
    ]


def _about(data: Mapping[str, Any]) -> str:
    """The first of ABOUT; of a guard, its name and level."""
    if "guard" in data:
        return f"{data['guard']} {data.get('value', '')}"
    return str(next((data[key] for key in ABOUT if data.get(key)), ""))


def _networks(events: Collection[Event]) -> dict[int, str]:
    found = EventDetail.objects.filter(event_id__in=[event.id for event in events])
    return dict(found.values_list("event_id", "network"))


def _from_where(event: Event, network: str, reader: UUID) -> str:
    """The reader's own as it is; of others what they did to the project, not to their own role; of the desk nothing."""
    if not network or event.actor_uid == reader:
        return network
    theirs = event.actor_uid is not None and event.actor_uid != event.subject_uid
    return cut_short(network) if theirs and event.tag.startswith(FELLOWS) and not _by_desk(event) else ""


def cut_short(network: str) -> str:
    """Enough to see that it is another provider or country; too little to find a household."""
    with suppress(ValueError):
        address = ip_address(network)
        return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))
    return ""


def _in_project(event: Event) -> str:
    return _another(event) if event.actor_uid else _nobody(event)


def _line(event: Event, details: Mapping[int, EventDetail]) -> Line:
    by_another = event.actor_uid is not None and event.actor_uid != event.subject_uid
    detail = details.get(event.id) or EventDetail()
    return Line(
        id=event.id,
        time=event.time,
        tag=event.tag,
        sentence=event.sentence,
        actor=_another(event) if by_another else _self_or_nobody(event),
        ticket=event.ticket,
        project=event.project_name,
        network="" if by_another else detail.network,
        device="" if by_another else detail.device,
        address=detail.address,
    )


def _another(event: Event) -> str:
    if event.tag.startswith(FELLOWS) and not _by_desk(event):
        return event.actor_name
    if event.tag == Tag.ACCOUNT_RECOVERY_DISPUTE:
        return _("a co-owner or the recovery desk")
    return _("the recovery desk")


def _by_desk(event: Event) -> bool:
    return event.ticket is not None or event.data.get("by") == "staff"


def _self_or_nobody(event: Event) -> str:
    return _("you") if event.actor_uid else _nobody(event)


def _nobody(event: Event) -> str:
    """Whoever has no account."""
    names = {
        "system": _("the system"),
        "claimant": _("whoever asked for recovery"),
        "address holder": _("somebody with one of your addresses"),
    }
    return names.get(event.actor_name, event.actor_name)
