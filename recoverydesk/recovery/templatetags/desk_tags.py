"""What Django's template language lacks for the desk's pages."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext

from recoverydesk.recovery import permissions
from recoverydesk.recovery.desk import dashboard

register = template.Library()
TICKET = "admin:recovery_recoveryticket_change"
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


@register.filter
def age(since: datetime, now: datetime) -> str:
    """How long ago, in words that fit where a length of time does; never "0 minutes"."""
    return timesince(since, now) if now - since >= timedelta(minutes=1) else gettext("less than a minute")


@register.filter
def span(length: timedelta) -> str:
    """A length of time in words, to its largest unit and the next."""
    start = datetime(2001, 1, 1, tzinfo=UTC)
    return age(start, start + length)
