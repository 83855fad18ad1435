"""Template tags and filters of the pages and mails."""

from datetime import datetime

from django import template
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from accounts import icons
from audit.tags import Tag

register = template.Library()


@register.filter
def event_sentence(tag: str) -> str:
    """What an event says to its account's owner, in the language of the page or mail."""
    return str(Tag(tag).label) if tag in Tag else tag


@register.filter
def moment(time: datetime | None) -> str:
    """A day and a time with its zone, as the reader's language writes them: "22 November 2026, 20:13 UTC"."""
    return f"{date_format(localtime(time), 'DATETIME_FORMAT')} {localtime(time):%Z}" if time else ""


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "clock" %}`: a drawing beside words. KeyError for a name that is none."""
    return icons.drawing(name)


@register.simple_tag
def mark() -> SafeString:
    """Our mark, beside the site's name."""
    return icons.MARK
