"""Template tags and filters of the pages and mails."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext

from accounts import icons
from audit.tags import Tag

register = template.Library()
RECENT = timedelta(days=30)  # older moments are a date


@register.filter
def event_sentence(tag: str) -> str:
    """What an event says to its account's owner, in the language of the page or mail."""
    return str(Tag(tag).label) if tag in Tag else tag


@register.filter
def moment(time: datetime | None) -> str:
    """A day and a time with its zone, as the reader's language writes them: "22 November 2026, 20:13 UTC"."""
    return f"{date_format(localtime(time), 'DATETIME_FORMAT')} {localtime(time):%Z}" if time else ""


@register.simple_tag
def when(time: datetime) -> SafeString:
    """A moment that is past, as "3 hours ago", an old one as its day; the exact one on hover, and read out after it."""
    now = timezone.now()
    past = gettext("%(length)s ago") % {"length": age(time, now, depth=1)}
    return timed(time, past if now - time < RECENT else date_format(localtime(time), "DATE_FORMAT"), moment(time))


def timed(time: datetime, words: str, exact: str) -> SafeString:
    """Words for a moment in their `<time>`."""
    shown = '<time datetime="{}" title="{}">{}<span class="visually-hidden"> ({})</span></time>'
    return format_html(shown, localtime(time).isoformat(), exact, words, exact)


def age(since: datetime, now: datetime, *, depth: int = 2) -> str:
    """How long ago, in words that fit where a length of time does, of so many units; never "0 minutes"."""
    if now - since < timedelta(minutes=1):
        return gettext("less than a minute")
    return timesince(since, now, depth=depth)


@register.filter
def is_past(time: datetime | None) -> bool:
    """Whether this moment is over. What waits for it is done by the next sweep, or is held up by something else."""
    return time is not None and time <= timezone.now()


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "clock" %}`: a drawing beside words. KeyError for a name that is none."""
    return icons.drawing(name)


@register.simple_tag
def mark() -> SafeString:
    """Our mark, beside the site's name."""
    return icons.MARK
