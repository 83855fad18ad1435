"""What the log says about one account, for whoever asks what is kept about them: a subject-access export."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q

from audit.chain.export import header
from audit.models import Event, EventDetail

PAGE = 1000


def about(uid: UUID) -> Iterator[str]:
    """Everything the log says about one account or that it did: a subject-access export, oldest first.

    Who else acted is named by part only; their networks, devices and the staff's reasons stay out, as in the history.
    """
    yield _line("header", **header(), subject=str(uid))
    own = Event.objects.filter(Q(subject_uid=uid) | Q(actor_uid=uid)).order_by("id")
    for page in _pages(own):
        details = EventDetail.objects.in_bulk([event.id for event in page], field_name="event_id")
        for event in page:
            yield _line("event", **_for_subject(event, details.get(event.id), uid))


def _for_subject(event: Event, detail: EventDetail | None, uid: UUID) -> dict[str, Any]:
    own = event.actor_uid == uid
    by_account = event.actor_uid is not None and not own
    shown: dict[str, Any] = {
        "id": event.id,
        "time": event.time.isoformat(timespec="microseconds"),
        "tag": event.tag,
        "what": event.sentence,
        "actor": "you" if own else "somebody else" if by_account else event.actor_name,
        "subject": event.subject_name if event.subject_uid in (uid, None) or own else "",
        "ticket": event.ticket,
        "project": event.project_name,
        "token": str(event.token_id) if event.token_id else None,
    }
    if own:
        shown["data"] = event.data
    if detail and event.subject_uid in (uid, None):
        shown["address"] = detail.address
    if detail and not by_account:
        shown |= {"network": detail.network, "device": detail.device}
    return shown


def _pages(events: Any) -> Iterator[list[Event]]:
    last = 0
    while page := list(events.filter(id__gt=last)[:PAGE]):
        yield page
        last = page[-1].id


def _line(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False, default=str) + "\n"
