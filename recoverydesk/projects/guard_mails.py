"""The mail about a change of a guard: to every owner, and to everybody with a role who is asked for a second factor."""

from datetime import datetime
from typing import Any

from django.utils import translation

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects import guards
from recoverydesk.projects.guard_levels import SECOND_FACTOR
from recoverydesk.projects.models import Project, Role

CHANGED = "guard_changed"
STRICTER = ("stricter", "announced")


def asked_key(change: int) -> str:
    """How the dedupe keys of the mails about one less strict level begin."""
    return f"{CHANGED}:change {change}:"


def tell(
    project: Project, actor: User | str, state: str, name: str, value: str, event: int,
    *, at: datetime | None = None, change: int | None = None,
) -> None:  # fmt: skip
    """Tell it: `state` is "stricter", "announced" (stricter from `at` on), "asked" (less strict at `at`, by the change
    of this number), "less strict", "taken back", "ended" (whoever asked no longer may) or
    "owner lost" (somebody took the role of an owner meanwhile).

    Every "asked" is mailed, as the verb limits how often that is; five a day of each other change of a guard are.
    """
    roles = Role.objects.filter(project=project, accepted_at__isnull=False)
    if not (name == SECOND_FACTOR and state in STRICTER):
        roles = roles.filter(kind=Role.Kind.OWNER)
    key = asked_key(change) if change and state == "asked" else f"{CHANGED}:{event}:"
    for role in roles.select_related("user").order_by("pk"):
        context = _context(project, role.user, actor, state, name, value, at)
        for recipient in addresses.verified(role.user):
            _queue(project, role.user, recipient, context, f"{key}{recipient}", f"{CHANGED}:{name}:{project.uid}")


def _context(
    project: Project, reader: User, actor: User | str, state: str, name: str, value: str, at: datetime | None
) -> dict[str, Any]:
    with translation.override(reader.language):
        guard, level = str(guards.GUARDS[name].title), guards.words(name, value)
    return {
        "reader": reader.username,
        "username": "" if isinstance(actor, str) else actor.username,
        "project": project.name,
        "name": project.normalized_name,
        "state": state,
        "guard": guard,
        "level": level,
        "at": f"{at:%Y-%m-%d %H:%M UTC}" if at else "",
    }


def _queue(project: Project, reader: User, recipient: str, context: dict[str, Any], dedupe: str, cause: str) -> None:
    given: dict[str, Any] = {
        "user": reader, "reference": f"project:{project.uid}", "context": context, "language": reader.language
    }  # fmt: skip
    if context["state"] == "asked":
        outbox.queue(CHANGED, recipient, dedupe=dedupe, **given)
    else:
        outbox.queue_limited(CHANGED, recipient, dedupe=dedupe, cause=f"{cause}:{context['state']}", **given)
