"""Whatever is sent to any address by anybody, the site answers, and never with a 5xx.

The names of fields come from the templates and the form classes, the addresses from the URL list: a new form is
covered by itself. FUZZ=2000 runs longer than the suites do.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django import forms
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from tests.helpers.authenticator import Authenticator
from tests.helpers.files import ROOT
from tests.helpers.walk import NO_PAGES, Walk, pages
from tests.tiers import times

pytestmark = pytest.mark.django_db
EXAMPLES = int(os.environ.get("FUZZ") or times(60, fast=8))
EACH = 5  # requests per example
FUZZ = hypothesis_settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
SEED = st.integers(0, 2**64).map(Random)
WORDS = [
    "", " ", "0", "1", "-1", "9" * 30, "1e9", "١", "\x00", "a\nb", "\ufeff", "\u202e", "ü", "😀", "%00", "%s", "{x}",
    "'", '"', "<b>", "[", "]" * 3, "on", "ada", "ada@example.org", "@", "x" * 5000, "2027-02-30", "https://[", "../..",
    "//[::1", "https://git.example/ada/tool", "second_factor", "email", "lost", "key", "None", "null", "{}", "[]",
    "ZZZZ", "\ud7ff", "é", "000000", "AAAA-AAAA", "\t", "true", "javascript:1", '{"id":1}',
]  # fmt: skip
IN_TEMPLATES = re.compile(r'\bname="([a-zA-Z_][\w-]*)"')


def field_names() -> list[str]:
    """The names under which any page or form class takes something."""
    texts = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    classes: list[Any] = [forms.Form, forms.ModelForm]
    found = set(IN_TEMPLATES.findall(texts)) | {"credential", "purpose", "q", "version", "next"}
    while classes:
        one = classes.pop()
        classes += one.__subclasses__()
        found |= set(getattr(one, "base_fields", {}))
    return sorted(found)


def value(dice: Random) -> str:
    if dice.random() < 0.8:
        return dice.choice(WORDS)
    return "".join(chr(dice.choice((dice.randrange(128), dice.randrange(0xD800)))) for _ in range(dice.randrange(30)))


@given(SEED)
@FUZZ
def test_no_form_input_is_answered_with_5xx(world: dict[str, dict[str, str]], dice: Random) -> None:
    names = field_names()
    addresses = [page for page in every_page() if page not in NO_PAGES]
    for _case in range(EACH):
        walk = Walk(world[dice.choice(sorted(world))])
        data = {
            dice.choice(names): [value(dice) for _ in range(dice.choice((1, 1, 2)))] for _ in range(dice.randrange(7))
        }
        method, page = dice.choice(("post", "post", "get")), dice.choice(addresses)
        status = walk.ask(method, page, data).status_code
        if page == "/readyz":
            continue  # 503 is what it says where no worker runs
        assert status < 500, f"{method} {page} {data}: {status}"


def every_page() -> list[str]:
    if not CACHED:
        if not User.objects.filter(username="member").exists():
            from tests.helpers import factories

            factories.add_totp(factories.make_user("member"))
        CACHED.extend(pages())
    return CACHED


CACHED: list[str] = []


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON document."""
    yield path
    branches = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, branch in branches:
        yield from places(branch, (*path, name))


def put(tree: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


def nested(depth: int, opening: str = "[") -> str:
    return base64.urlsafe_b64encode((opening * depth).encode()).decode().rstrip("=")


def odd(dice: Random) -> Any:
    """A JSON value where another one is expected."""
    plain: list[Any] = [
        None,
        True,
        0,
        -1,
        10**30,
        1.5,
        "",
        "x",
        "ü",
        [],
        {},
        [[]],
        {"id": {}},
        "A" * 70_000,
        value(dice),
    ]
    documents: list[Any] = [[], {}, 1, None, "x"]
    client = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in documents]
    return dice.choice([*plain, *client, value(dice), nested(60_000), nested(60_000, '{"a":'), nested(3)])


@given(SEED)
@FUZZ
def test_no_answer_of_a_security_key_is_answered_with_5xx(world: dict[str, dict[str, str]], dice: Random) -> None:
    purpose = dice.choice(["register", "step_up", "passkey"])
    client = Client(raise_request_exception=False)
    client.cookies.load({} if purpose == "passkey" else dict(world["ada"]))
    with transaction.atomic():
        whole, answer = change_and_send(client, purpose, dice)
        transaction.set_rollback(True)
    assert answer.status_code < 500, whole


def change_and_send(client: Client, purpose: str, dice: Random) -> tuple[Any, Any]:
    """A key's genuine answer, changed in one place to three."""
    asked = client.post("/account/security/key/options/", {"purpose": purpose, "name": "key"}).json()
    key = Authenticator()
    whole = json.loads(key.create(asked) if purpose == "register" else key.get(asked))
    for _change in range(dice.choice((1, 1, 2, 3))):
        whole = put(whole, dice.choice(list(places(whole))), odd(dice))
    page = {"register": "security/key/", "step_up": "step-up/", "passkey": "login/key/"}[purpose]
    return whole, client.post(f"/account/{page}", {"credential": json.dumps(whole)})
