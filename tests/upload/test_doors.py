"""A token opens the upload, what is said of itself and what it staged: asked of the resolver, no page is forgotten."""

import pytest
from django.test import Client

from tests.helpers.tokens import basic
from tests.upload.addresses import ALL

OPENED = {"/legacy/", "/api/token", *(one for one in ALL if one.startswith(("/staged/", "/api/staged/")))}


def told(client: Client, method: str, address: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    client.cookies.clear()
    response = getattr(client, method)(address, headers=headers)
    body = b"" if response.streaming else response.content
    return response.status_code, response.headers.get("Location", ""), body if address in OPENED else b""


@pytest.mark.django_db
def test_tokens_open_exactly_these_addresses(token: str) -> None:
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
