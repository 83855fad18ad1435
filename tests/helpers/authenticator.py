"""A security key in software (WebAuthn Level 3, attestation "none", ES256), which can also be made to misbehave."""

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from accounts.models import User

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
ORIGIN = "http://localhost:8000"
ES256 = -7


@dataclass
class Authenticator:
    """One key for one account. Every attribute is something a test may falsify."""

    rp_id: str = "localhost"
    origin: str = ORIGIN
    flags: int = UP | UV
    counter: int = 0
    algorithm: int = ES256
    resident: bool = True
    cross_origin: bool = False
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    also_says: dict[str, Any] = field(default_factory=dict)  # of its own accord, in the client data
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> str:
        """Answer `navigator.credentials.create`."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + self._public_key()
        data = self._authenticator_data(AT) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client_data("webauthn.create", options["challenge"])
        response = {"clientDataJSON": client, "attestationObject": statement, "transports": ["usb"]}
        return self._answer(response, {"credProps": {"rk": self.resident}})

    def get(self, options: dict[str, Any]) -> str:
        """Answer `navigator.credentials.get`."""
        self.counter += 1 if self.counter >= 0 else 0
        data, client = self._authenticator_data(), self._client_data("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(client).digest()
        response = {
            "clientDataJSON": client,
            "authenticatorData": data,
            "signature": self.private.sign(signed, ec.ECDSA(hashes.SHA256())),
            "userHandle": self.handle,
        }
        return self._answer(response, {})

    def _authenticator_data(self, more: int = 0) -> bytes:
        head = hashlib.sha256(self.rp_id.encode()).digest()
        return head + struct.pack(">BI", self.flags | more, max(self.counter, 0))

    def _client_data(self, kind: str, challenge: str) -> bytes:
        data = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(data | self.also_says).encode()

    def _public_key(self) -> bytes:
        numbers = self.private.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: self.algorithm, -1: 1, -2: x, -3: y})

    def _answer(self, response: dict[str, Any], extensions: dict[str, Any]) -> str:
        encoded = {
            name: bytes_to_base64url(value) if isinstance(value, bytes) else value
            for name, value in response.items()
            if value
        }
        name = bytes_to_base64url(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "clientExtensionResults": extensions,
                "response": encoded,
            }
        )


OPTIONS = "/account/security/key/options/"
ADD = "/account/security/key/"
STEP_UP = "/account/step-up/"
PASSKEY = "/account/login/key/"


def ask(client: Client, purpose: str, **more: str) -> dict[str, Any]:
    """What the page's script gets before it asks the key."""
    response = client.post(OPTIONS, {"purpose": purpose, **more})
    assert response.status_code == 200, response.content
    return dict(response.json())


def add_key(client: Client, key: Authenticator, name: str = "blue key") -> Any:
    return client.post(ADD, {"credential": key.create(ask(client, "register", name=name))})


def grow_old(client: Client) -> None:
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 600
    session.save()


def give_key(user: User, **false: Any) -> Authenticator:
    """A key of the account, as if it had been added on its pages."""
    key = Authenticator(**false)
    WebAuthnCredential.objects.create(
        user=user, name="blue key", confirmed=True, credential_id=key.credential_id, public_key=key._public_key(),
        sign_count=0, aaguid="00000000-0000-0000-0000-000000000000", backup_eligible=False, backup_state=False,
    )  # fmt: skip
    return key
