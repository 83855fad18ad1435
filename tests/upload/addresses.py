"""One example of every address the site answers."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

EXAMPLES = {"int": "1", "str": "sample", "slug": "sample", "uuid": str(UUID(int=1)), "path": "a/b"}


def addresses(resolver: Any, before: str = "/") -> Iterator[str]:
    """One example of every address the site answers."""
    for pattern in resolver.url_patterns:
        here = before + example(pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, here)
        elif isinstance(pattern, URLPattern):
            yield here


def example(pattern: Any) -> str:
    if not isinstance(pattern.pattern, RoutePattern):
        return "regular-expression"
    route = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        value = EXAMPLES.get({"string": "str"}.get(kind, kind), "sample")
        route = route.replace(f"<{name}>", value)
        for spelled in (kind, "str"):
            route = route.replace(f"<{spelled}:{name}>", value)
    return route


ALL = sorted(set(addresses(get_resolver())))
