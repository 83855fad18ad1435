"""A NUL in an address or a form: PostgreSQL refuses it with an error of ours, so none may get that far.

The addresses come from the URL list, and each parameter of every query is looked at: a new address is covered by
itself, on every database.
"""

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver

from accounts.models import User
from recoverydesk.projects.models import Project
from tests.helpers.signing_in import enter
from tests.helpers.walk import SAMPLES, routes

pytestmark = pytest.mark.django_db
PIECE = re.compile(r"<(?:(\w+):)?\w+>")
TEXT = {None, "str", "path", "slug"}


def with_nul() -> list[str]:
    """Every address with a part that takes text, with a NUL in that part."""
    texts = {one for one in routes(get_resolver()) if any((kind or None) in TEXT for kind in PIECE.findall(one))}
    plain = sorted(route for route in texts if "~" not in route)
    return [
        "/" + PIECE.sub(lambda found: "a%00b" if found[1] in TEXT else SAMPLES[str(found[1])], one) for one in plain
    ]


def ask(client: Client, method: str, path: str, data: dict[str, Any] | None = None) -> int:
    """The status; fails where a NUL reaches the database."""

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        assert "\0" not in "".join(one for one in params or () if isinstance(one, str)), f"{method} {path}: {sql}"
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(look):
        status: int = getattr(client, method)(path, data).status_code
        transaction.set_rollback(True)
    return status


def test_no_address_with_a_nul_reaches_the_database(client: Client, ada: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    enter(client, ada)
    every = with_nul()
    assert "/projects/a%00b/publishers/" in every
    assert len(every) > 20
    for path in every:
        assert ask(client, "get", path) in (301, 400, 401, 404, 405), path


@pytest.mark.parametrize("page", ["settings/", "settings/guards/", "publishers/", "releases/0.1/", ""])
def test_no_form_with_a_nul_reaches_the_database(client: Client, ada: User, page: str) -> None:
    enter(client, ada)
    path = f"/projects/{Project.objects.get().normalized_name}/{page}"
    names = ("guard", "value", "keep", "starts", "username", "invite", "kind", "reason", "status", "typed", "issuer")
    assert ask(client, "post", path, dict.fromkeys(names, "\0")) == 400
    assert ask(client, "get", path, {"version": "\0"}) == 400


def test_a_guard_that_there_is_not_is_refused_in_words(client: Client, ada: User) -> None:
    enter(client, ada)
    path = f"/projects/{Project.objects.get().normalized_name}/settings/"
    client.post(f"{path}guards/", {"guard": "nothing", "keep": "1"})
    assert "This change was taken back already" in client.get(path).content.decode()
