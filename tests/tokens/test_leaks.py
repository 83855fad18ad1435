"""A token that somebody found in public is revoked at once, its user hears, and nobody forges such a report."""

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import Client

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from common.transport import client as transport
from tests.helpers import certificates, factories
from tests.helpers.far_ends import Asked, RawHost, http, running
from tests.helpers.tokens import attenuate, mint
from tokens import caveats
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
WHERE = "https://github.com/eve/spam/blob/main/.env"
KEY = ec.generate_private_key(ec.SECP256R1())
Report = Callable[..., Any]


@pytest.fixture
def ada(ada: User) -> User:
    factories.add_app(ada)
    return ada


@pytest.fixture
def keys(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawHost]:
    """Where the reporter's public keys lie, over TLS."""
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    listed = {"public_keys": [{"key_identifier": "one", "key": pem.decode(), "is_current": True}]}
    certificate = certificates.for_localhost(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    transport.tls_context.cache_clear()
    cache.clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(_asked: Asked) -> bytes:
        return http(200, "application/json", json.dumps(listed).encode())

    with running(answer, tls=context) as host:
        settings.LEAK_KEYS_URL, settings.LEAK_KEYS_PRIVATE = f"https://localhost:{host.port}/keys", True
        yield host
    transport.tls_context.cache_clear()
    cache.clear()


@pytest.fixture
def report(keys: RawHost, client: Client) -> Report:
    """Send what GitHub would; `key`, `kid` and `signed` replace what is right."""

    def send(*tokens: str, key: Any = KEY, kid: str = "one", signed: bytes | None = None, body: Any = None) -> Any:
        rows = [{"token": one, "type": "desk_api_token", "url": WHERE, "source": "content"} for one in tokens]
        data = json.dumps(rows).encode() if body is None else body
        signature = base64.b64encode(key.sign(data if signed is None else signed, ec.ECDSA(hashes.SHA256()))).decode()
        headers = {"Github-Public-Key-Identifier": kid, "Github-Public-Key-Signature": signature}
        return client.post("/hooks/secret-scanning/", data, content_type="application/json", headers=headers)

    return send


def test_a_leaked_token_is_revoked_and_its_user_hears(report: Report, ada: User) -> None:
    minted = mint(ada, name="release")
    answer = report(minted.text, "recoverydesk-nonsense")
    assert [one["label"] for one in answer.json()] == ["true_positive", "false_positive"]
    assert all(set(one) == {"token_hash", "token_type", "label"} for one in answer.json())
    assert minted.text not in answer.content.decode()
    assert ApiToken.objects.get(pk=minted.row.pk).revoked_at is not None
    event = Event.objects.get(tag="account:api_token:removed_leak")
    assert (event.subject_name, event.token_id, event.data["url"]) == ("ada", minted.row.id, WHERE)
    mail = Mail.objects.get(kind="token_leaked")
    assert (mail.recipient, mail.context["name"]) == ("ada@example.org", "release")


def test_a_report_that_comes_again_changes_nothing(report: Report, ada: User) -> None:
    text = mint(ada).text
    for _ in range(3):
        assert report(text).json()[0]["label"] == "true_positive"
    assert Event.objects.filter(tag="account:api_token:removed_leak").count() == 1
    assert Mail.objects.filter(kind="token_leaked").count() == 1


def test_a_narrowed_copy_gives_its_token_away_whatever_state_that_is_in(report: Report, ada: User) -> None:
    minted = mint(ada)
    ApiToken.objects.update(held_at=minted.row.created_at, expires_at=minted.row.created_at)
    assert report(attenuate(minted.text, caveats.Expiration(1, 0))).json()[0]["label"] == "true_positive"
    assert ApiToken.objects.get().revoked_at is not None


def test_a_forged_report_revokes_nothing(report: Report, ada: User) -> None:
    text = mint(ada).text
    stranger = ec.generate_private_key(ec.SECP256R1())
    for forged in ({"key": stranger}, {"kid": "two"}, {"kid": ""}, {"signed": b"[]"}, {"signed": b""}):
        assert report(text, **forged).status_code == 400, forged
    assert ApiToken.objects.get().revoked_at is None


def test_a_report_without_a_signature_revokes_nothing(keys: RawHost, client: Client, ada: User) -> None:
    body = json.dumps([{"token": mint(ada).text, "type": "x", "url": WHERE}])
    for headers in ({}, {"Github-Public-Key-Identifier": "one"}, {"Github-Public-Key-Signature": "AAAA"}):
        answer = client.post("/hooks/secret-scanning/", body, content_type="application/json", headers=headers)
        assert answer.status_code == 400
    assert ApiToken.objects.get().revoked_at is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b"[" * 9000, b'[{"token": "x"}]' + b" " * 2**20])
def test_nonsense_that_is_signed_is_answered_in_words(report: Report, body: bytes) -> None:
    answer = report(body=body)
    assert answer.status_code in (400, 413)
    assert answer.json()["message"]


def test_what_is_no_text_is_no_token(report: Report) -> None:
    answer = report(body=json.dumps([{"token": 5, "url": ["x"]}, {}]).encode())
    assert [one["label"] for one in answer.json()] == ["false_positive"] * 2


def test_unknown_keys_make_us_ask_once_a_minute(report: Report, keys: RawHost) -> None:
    for number in range(10):
        assert report(kid=f"k{number}").status_code == 400
    assert len(keys.asked) == 1


def test_reports_can_be_switched_off(client: Client, settings: Any) -> None:
    settings.LEAK_KEYS_URL = ""
    assert client.post("/hooks/secret-scanning/", "[]", content_type="application/json").status_code == 404
