"""What Django's template language lacks for the desk's pages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.utils.timesince import timesince

from recoverydesk.recovery import dashboard, permissions

register = template.Library()


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
    return dashboard.read(user) if user.has_perm(permissions.VIEW) else None


@register.filter
def unlocalized(number: float) -> str:
    """A number as drawings want it: a point for the fraction, whatever the language."""
    return f"{number:.1f}"


@register.filter
def span(length: timedelta) -> str:
    """A length of time in words, to its largest unit and the next."""
    start = datetime(2001, 1, 1, tzinfo=UTC)
    return timesince(start, start + length)
