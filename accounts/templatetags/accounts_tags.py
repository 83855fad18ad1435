"""Template filters of the account pages and mails."""

from django import template

from audit.tags import Tag

register = template.Library()


@register.filter
def event_sentence(tag: str) -> str:
    """What an event says to its account's owner, in the language of the page or mail."""
    return str(Tag(tag).label) if tag in Tag else tag
