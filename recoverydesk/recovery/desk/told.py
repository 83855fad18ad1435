"""Events for staff: one sentence each that says what, the rest in words, and the ways to the pages of what it names."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from audit.desk_admin import page_named
from audit.models import Event
from audit.tags import Tag, is_woken
from recoverydesk.projects.models import Project
from recoverydesk.recovery import event_words, wording
from recoverydesk.recovery.permissions import VIEW

ISO_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(?:\+00:00|Z)")
MAILED = (Tag.ACCOUNT_EMAIL_SENT, Tag.ACCOUNT_EMAIL_FAILED, Tag.ACCOUNT_EMAIL_BOUNCED)


@dataclass(frozen=True)
class Told:
    """One event as a page shows it; an address is empty where there is no such page for this reader."""

    event: Event
    sentence: str
    details: str
    account: str
    project: str
    ticket: str


def tell(events: Iterable[Event], reader: User) -> list[Told]:
    """Events with their sentences and the pages they lead to, in at most two queries and those of the rights."""
    rows = list(events)
    accounts = _pages(User, "recovery_account", {row.subject_uid for row in rows}, reader, "accounts.view_user")
    projects = _pages(Project, "recovery_project", {row.project_uid for row in rows}, reader, "projects.view_project")
    may_see_tickets = reader.has_perm(VIEW)
    return [
        Told(
            event=row,
            sentence=sentence(row),
            details=details(row, besides=said_by(row)),
            account=accounts.get(row.subject_uid, ""),
            project=projects.get(row.project_uid, ""),
            ticket=page_named("recovery_recoveryticket_change", row.ticket) if row.ticket and may_see_tickets else "",
        )
        for row in rows
    ]


def _pages(model: Any, page: str, uids: set[Any], reader: User, right: str) -> dict[Any, str]:
    wanted = uids - {None}
    if not wanted or not reader.has_perm(right):
        return {}
    found = model.objects.filter(uid__in=wanted).values_list("uid", "pk")
    return {uid: page_named(page, pk) for uid, pk in found}


# The sentence ---------------------------------------------------------------------------------------------------------


def sentence(event: Event) -> str:
    """Who did what to whom: which mail, which step was refused and why, until when."""
    special = SPECIAL.get(event.tag)
    said = special[0](event) if special else ""
    return said or event.staff_sentence


def said_by(event: Event) -> frozenset[str]:
    """The data that the event's sentence says already."""
    special = SPECIAL.get(event.tag)
    return frozenset(special[1]) if special and special[0](event) else frozenset()


def _mail(event: Event) -> str:
    kind = str(event.data.get("kind", ""))
    name = wording.MAILS.get(kind, kind.replace("_", " "))
    return f"{event.staff_sentence.rstrip('.')}: {name}." if kind else ""


def _refused(event: Event) -> str:
    verb, error = event.data.get("verb"), event.data.get("error")
    if verb not in wording.VERBS or not error:
        return ""
    words = {"actor": event.actor_name, "verb": wording.VERBS[verb], "why": event_words.detail("error", error)}
    return _("%(actor)s wanted to %(verb)s and was refused: %(why)s") % words


def _snoozed(event: Event) -> str:
    until = event.data.get("until")
    if not until or is_woken(Tag.ACCOUNT_RECOVERY_SNOOZE, event.data):
        return ""
    words = {"actor": event.actor_name, "subject": event.subject_name, "until": _plain("until", until)}
    return _("%(actor)s snoozed the ticket about %(subject)s until %(until)s.") % words


def _assigned(event: Event) -> str:
    to = event.data.get("to")
    words = {"actor": event.actor_name, "subject": event.subject_name, "to": to}
    if to is None or to == event.actor_name:
        return ""
    if not to:
        return _("%(actor)s gave the ticket about %(subject)s back. Nobody has it now.") % words
    return _("%(actor)s gave the ticket about %(subject)s to %(to)s.") % words


SPECIAL: dict[str, tuple[Callable[[Event], str], tuple[str, ...]]] = {
    **dict.fromkeys(MAILED, (_mail, ("kind",))),
    Tag.ACCOUNT_RECOVERY_REFUSED: (_refused, ("error",)),
    Tag.ACCOUNT_RECOVERY_SNOOZE: (_snoozed, ("until",)),
    Tag.ACCOUNT_RECOVERY_ASSIGN: (_assigned, ("to",)),
}


# The rest of it -------------------------------------------------------------------------------------------------------


def details(event: Event, *, besides: Iterable[str] = ()) -> str:
    """What else the event holds, in words; nothing of what `besides` names."""
    unsaid = {"verb", *besides, *event_words.UNSAID} | _before(event)
    shown = {key: value for key, value in event.data.items() if key not in unsaid and value not in ("", None, [])}
    return " · ".join(f"{event_words.detail_name(key)}: {_plain(key, value)}" for key, value in shown.items())


def _before(event: Event) -> set[str]:
    """A ticket's status is news where it changed, and then what it was before is none."""
    if event.tag.startswith("account:recovery:") or "was" in event.data:
        return {"was"} if isinstance(event.data.get("was"), str) else {"status"}
    return set()


def _plain(key: str, value: Any) -> str:
    """In words; events carry times as ISO 8601 in UTC, to the microsecond, and people read minutes."""
    text = ", ".join(event_words.detail(key, one) for one in (value if isinstance(value, list) else [value]))
    return ISO_TIME.sub(r"\1 \2 UTC", text)
