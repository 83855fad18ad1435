"""What Django's template language lacks for the desk's pages."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext

from accounts.templatetags.accounts_tags import age, timed
from audit.models import Event
from recoverydesk.recovery import permissions, wording
from recoverydesk.recovery.desk import dashboard, navigation
from recoverydesk.recovery.desk import told as desk_told
from recoverydesk.recovery.probing import show_how

register = template.Library()
TICKET = "admin:recovery_recoveryticket_change"
LISTED = 5
NUMBER = re.compile(r"((?<!\w)#[1-9][0-9]{0,9}\b)", re.ASCII)


@register.filter
def lookup(values: Mapping[str, Any], key: str) -> Any:
    """The value of a key that is itself a variable."""
    return values[key]


@register.filter
def get(values: Mapping[Any, Any], key: Any) -> Any:
    """The value of a key that is itself a variable, or None."""
    return values.get(key)


@register.simple_tag(takes_context=True)
def desk_dashboard(context: Context) -> dict[str, Any] | None:
    """The desk's numbers for the admin's first page; None for staff who may not see tickets."""
    user = context["request"].user
    return dashboard.read_dashboard(user) if user.has_perm(permissions.VIEW) else None


@register.simple_tag(takes_context=True)
def desk_places(context: Context) -> list[navigation.Entry]:
    """The sidebar's entries for whoever reads the page, the current one marked."""
    request = context["request"]
    match = request.resolver_match
    return navigation.entries(request.user, match.url_name or "" if match else "")


@register.simple_tag(takes_context=True)
def told(context: Context, events: Iterable[Event]) -> list[desk_told.Told]:
    """Events in sentences, with the ways to what they name that whoever reads the page may go."""
    return desk_told.tell(events, context["request"].user)


@register.simple_tag(takes_context=True)
def tell_one(context: Context, event: Event) -> desk_told.Told:
    """One event as `told` gives several."""
    return desk_told.tell([event], context["request"].user)[0]


@register.filter
def unlocalized(number: float) -> str:
    """A number as drawings want it: a point for the fraction, whatever the language."""
    return f"{number:.1f}"


@register.filter
def with_tickets(text: str) -> SafeString:
    """Text with every #number made a link to that ticket; whatever else it holds is escaped."""
    pieces = [
        format_html('<a href="{}">{}</a>', reverse(TICKET, args=[piece[1:]]), piece) if number else escape(piece)
        for number, piece in ((NUMBER.fullmatch(piece), piece) for piece in NUMBER.split(text) if piece)
    ]
    return mark_safe("".join(pieces))  # noqa: S308 - every piece is escaped


register.filter("age", age)


@register.simple_tag
def ago(at: datetime, now: datetime | None = None) -> SafeString:
    """A moment as "3 hours ago"; the exact one on hover, and read out after it."""
    return _time(at, gettext("%(length)s ago") % {"length": age(at, now or timezone.now())})


@register.simple_tag
def since(at: datetime, now: datetime) -> SafeString:
    """How long something has lasted, as "3 hours"; since when on hover, and read out after it."""
    return _time(at, age(at, now))


def _time(at: datetime, words: str) -> SafeString:
    return timed(at, words, f"{localtime(at):%Y-%m-%d %H:%M:%S %Z}")


@register.filter
def span(length: timedelta) -> str:
    """A length of time in words, to its largest unit and the next."""
    start = datetime(2001, 1, 1, tzinfo=UTC)
    return age(start, start + length)


@register.filter
def why_unused(reason: str) -> str:
    """Why a link made no boundary, in words."""
    return str(wording.UNUSED_LINKS[reason])


@register.filter
def listed(words: Iterable[str]) -> str:
    """Words with commas between them, five at most."""
    some = list(words)
    return ", ".join(some[:LISTED]) + (", …" if len(some) > LISTED else "")


@register.filter
def shown_command(command: str) -> str:
    """A stored command with today's word for the branch name; rows of earlier releases have another."""
    return re.sub(rf"(?<=[/ ]){show_how.EARLIER_PLACEHOLDER}(?= |$)", show_how.PLACEHOLDER, command)
