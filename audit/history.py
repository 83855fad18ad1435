"""What happened to an account, in sentences its owner reads. Staff have no names here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from audit.models import Event, EventDetail
from audit.tags import Tag

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
    """One event as an owner of the project sees it: never from where."""

    id: int
    time: datetime
    tag: str
    sentence: str
    about: str
    actor: str
    subject: str


def for_project(uid: UUID, *, reader: UUID, limit: int = 50, before: int | None = None) -> list[ProjectLine]:
    """Return the newest events of a project, newest first, in one query, for its owner `reader`.

    People of the project are named; the desk, which only acts on a ticket, is not.
    """
    rows = Event.objects.filter(project_uid=uid)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [
        ProjectLine(
            id=event.id,
            time=event.time,
            tag=event.tag,
            sentence=event.sentence,
            about=str(event.data.get("version", "")),
            actor=_("you") if event.actor_uid == reader else _in_project(event),
            subject=event.subject_name,
        )
        for event in rows.order_by("-id")[:limit]
    ]


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
    if event.tag.startswith(FELLOWS) and event.ticket is None:  # on a ticket only the desk acts
        return event.actor_name
    if event.tag == Tag.ACCOUNT_RECOVERY_DISPUTE:
        return _("a co-owner or the recovery desk")
    return _("the recovery desk")


def _self_or_nobody(event: Event) -> str:
    return _("you") if event.actor_uid else _nobody(event)


def _nobody(event: Event) -> str:
    """Whoever has no account."""
    names = {
        "system": _("the system"),
        "claimant": _("whoever asked for recovery"),
        "address holder": _("the holder of one of your addresses"),
    }
    return names.get(event.actor_name, event.actor_name)
