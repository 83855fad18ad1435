"""A token opens exactly two addresses: asked of the resolver, so that no later page is forgotten."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from tests.upload.conftest import basic

OPENED = {"/legacy/", "/api/token"}
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


def told(client: Client, method: str, address: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    client.cookies.clear()
    response = getattr(client, method)(address, headers=headers)
    body = b"" if response.streaming else response.content
    return response.status_code, response.headers.get("Location", ""), body if address in OPENED else b""


@pytest.mark.django_db
def test_tokens_open_exactly_two_addresses(token: str) -> None:
    assert set(ALL) > OPENED
    assert len(ALL) > 60
    opened = set()
    client = Client(raise_request_exception=False)
    for address in ALL:
        for method in ("get", "post"):
            plain = told(client, method, address, {})
            with_token = told(client, method, address, {"Authorization": basic(token)})
            opened |= {address} if with_token != plain else set()
    assert opened == OPENED
