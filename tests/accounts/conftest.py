"""People with and without second factors, and a browser that signs in as they would."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site
from django.test import Client
from django.urls import set_urlconf

from accounts.devices import TotpDevice
from accounts.models import User
from tests.helpers.factories import add_app
from tests.helpers.signing_in import code_of, type_code, type_password


@pytest.fixture(autouse=True)
def _the_room_alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No hook and no URL of the rooms above.

    Through the `settings` fixture every test would make the resolvers of both lists of URLs anew, which takes longer
    than the test.
    """
    settings.ACCOUNTS_HOOKS = {}
    monkeypatch.setattr(site, "ROOT_URLCONF", "tests.accounts.urls")
    set_urlconf(None)
    yield
    set_urlconf(None)


@pytest.fixture
def app(ada: User) -> TotpDevice:
    return add_app(ada)


@pytest.fixture
def signed_in(client: Client, ada: User, app: TotpDevice) -> Client:
    """A browser in which ada has just shown password and code."""
    type_password(client)
    type_code(client, code_of(app))
    return client
