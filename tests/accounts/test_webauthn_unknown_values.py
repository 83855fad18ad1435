"""What a browser says beyond what we know is no reason to refuse a key: Level 3 has strings there, no closed lists."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential

from tests.helpers.authenticator import ADD, STEP_UP, Authenticator, ask

STRANGE: list[Any] = ["smart-card", "", 7, None, True, [], {"a": {"b": 1}}]
ADDED: list[dict[str, Any]] = [
    *({"authenticatorAttachment": value} for value in STRANGE),
    *({"clientExtensionResults": value} for value in STRANGE),
    *({"hints": value} for value in STRANGE),
    {"clientExtensionResults": {"credProps": {"rk": "yes", "new": 1}, "prf": {"enabled": True}, "new": []}},
    {"newInLevel4": {"deep": [1, 2]}},
]
IN_RESPONSE: list[dict[str, Any]] = [
    *({"transports": value} for value in STRANGE),
    {"transports": ["usb", "smart-card", "teleport", 7, None, {"a": 1}, []]},
    *({"publicKeyAlgorithm": value} for value in STRANGE),
    {"publicKey": "AAAA", "authenticatorDataNew": "AAAA"},
]
IN_CLIENT_DATA: list[dict[str, Any]] = [
    {"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"},
    {"tokenBinding": "unused"},
    {"topOrigin": None},
    {"crossOrigin": None},
]


def answer(browser: Client, key: Authenticator, purpose: str, *, more: Any = None, response: Any = None) -> Any:
    """Answer what was asked, with more in it."""
    options = ask(browser, purpose, name="new key")
    made = json.loads(key.create(options) if purpose == "register" else key.get(options))
    made["response"] |= response or {}
    return browser.post(ADD if purpose == "register" else STEP_UP, {"credential": json.dumps(made | (more or {}))})


def is_taken(browser: Client, key: Authenticator, **more: Any) -> bool:
    """Whether a key that says more is added, and then taken as a second factor."""
    cache.clear()
    answer(browser, key, "register", **more)
    added = WebAuthnCredential.objects.filter(last_used_at=None)
    if not added.exists():
        return False
    answer(browser, key, "step_up", **more)
    return not added.exists()


@pytest.mark.thorough
def test_an_unknown_value_beside_the_answer_is_ignored(signed_in: Client) -> None:
    assert [more for more in ADDED if not is_taken(signed_in, Authenticator(), more=more)] == []


def test_an_unknown_value_in_the_answer_is_ignored(signed_in: Client) -> None:
    assert [more for more in IN_RESPONSE if not is_taken(signed_in, Authenticator(), response=more)] == []


def test_an_unknown_value_in_the_client_data_is_ignored(signed_in: Client) -> None:
    assert [more for more in IN_CLIENT_DATA if not is_taken(signed_in, Authenticator(also_says=more))] == []


def test_a_key_lists_the_transports_we_know(signed_in: Client) -> None:
    answer(signed_in, Authenticator(), "register", response={"transports": ["nfc", "teleport", "smart-card"]})
    assert WebAuthnCredential.objects.get().transports == ["nfc", "smart-card"]
