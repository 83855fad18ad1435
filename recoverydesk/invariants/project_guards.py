"""A guard of a project is what its history says, and none became less strict before its day was over."""

from collections.abc import Iterator
from datetime import timedelta

from audit.models import Event
from audit.tags import Tag
from recoverydesk.invariants.broken import Broken
from recoverydesk.projects.guard_changes import COOL_DOWN
from recoverydesk.projects.guard_levels import LEVELS, OFF, strictness
from recoverydesk.projects.models import Project

SLACK = timedelta(seconds=1)  # between two readings of the clock in one transaction


def guard_without_event() -> Iterator[Broken]:
    """The level of every guard is the one of its last event, and one that there is."""
    changes = Event.objects.filter(tag=Tag.PROJECT_GUARD_CHANGE).order_by("id").values_list("project_uid", "data")
    last = {(uid, data["guard"]): data["value"] for uid, data in changes.iterator()}
    told = {uid for uid, _guard in last if uid}
    concerned = Project.objects.exclude(guards={}) | Project.objects.filter(uid__in=told)
    for project in concerned.only("uid", "guards").iterator():
        for name, levels in LEVELS.items():
            level = project.guards.get(name, OFF)
            if level not in levels or level != last.get((project.uid, name), OFF):
                yield Broken("guard_without_event", f"project:{project.uid}", f"{name} is not what its history says")


def guard_before_its_time() -> Iterator[Broken]:
    """A guard becomes less strict COOL_DOWN after it was asked for, and not if that was taken back."""
    steps = (Tag.PROJECT_GUARD_ASK, Tag.PROJECT_GUARD_KEEP, Tag.PROJECT_GUARD_ANNOUNCE, Tag.PROJECT_GUARD_CHANGE)
    asked: dict[tuple[object, str], Event] = {}
    for event in Event.objects.filter(tag__in=steps).order_by("id").iterator():
        guard = (event.project_uid, event.data["guard"])
        if event.tag == Tag.PROJECT_GUARD_ASK:
            asked[guard] = event
            continue
        before = asked.pop(guard, None)
        if event.tag != Tag.PROJECT_GUARD_CHANGE or not _is_less(event):
            continue
        right = before is not None and before.data["value"] == event.data["value"]
        if not (right and before and event.time - before.time >= COOL_DOWN - SLACK):
            yield Broken("guard_before_its_time", f"event:{event.pk}", "made a guard less strict too early")


def _is_less(event: Event) -> bool:
    name = event.data["guard"]
    return name in LEVELS and strictness(name, event.data["value"]) < strictness(name, event.data["old"])
