"""The bytes: fixed vectors, one spelling per token, and nothing that a stranger can make of them."""

import base64
import random
import uuid
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymacaroons import MACAROON_V1, MACAROON_V2, Macaroon

from accounts.models import User
from tests.helpers.tokens import PREFIX, attenuate, mint
from tests.tiers import times
from tokens import caveats, macaroons
from tokens.checking import TokenRefused, open_token
from tokens.macaroons import MalformedToken

ROOT = bytes(range(32))
VECTOR_ID = b"00000000-0000-4000-8000-000000000001"
FLIPS = times(10_000, fast=500)


def vector(*wire: str) -> str:
    return macaroons.dumps("recoverydesk", "registry.example", VECTOR_ID, ROOT, wire)


@pytest.mark.parametrize(
    ("wire", "signature", "length"),
    [
        ([], "3464d7abd57fbbde04fe7784bdc64ebe8f9488c8013cad8e973d60030dbd19a2", 124),
        (
            [caveats.RequestUser("3b5a1a3e-0d0f-4a8e-9c3b-0123456789ab")],
            "780b93bbe2556d7c8bdf1d5c14c139789c30cd02cef8491a1e212ba79cdd5970",
            184,
        ),
        (
            [
                caveats.ProjectName(("sampleproject",)),
                caveats.ProjectID(("11111111-2222-4333-8444-555555555555",)),
            ],
            "ba65a43c61a81c0a3b0eeb38912c0da52afc024448bfea1ce9ba697448ada1ed",
            219,
        ),
    ],
)
def test_the_vectors_are_met_byte_by_byte(wire: list[caveats.Caveat], signature: str, length: int) -> None:
    text = vector(*map(caveats.dumps, wire))
    body = text.removeprefix(PREFIX)
    assert (len(body), body[:24]) == (length, "AgEQcmVnaXN0cnkuZXhhbXBs")
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert raw[-32:].hex() == signature
    assert macaroons.loads("recoverydesk", text).signed_by(ROOT)
    assert not macaroons.loads("recoverydesk", text).signed_by(bytes(32))


def test_a_token_read_and_written_again_is_the_same() -> None:
    token = macaroons.loads("recoverydesk", vector("[3]", "[1,[]]"))
    assert (token.location, token.identifier, token.caveats) == ("registry.example", VECTOR_ID, (b"[3]", b"[1,[]]"))


def test_an_identifier_names_its_format_and_its_row() -> None:
    row = uuid.UUID("3b5a1a3e-0d0f-4a8e-9c3b-0123456789ab")
    assert macaroons.identifier(row) == b"1.3b5a1a3e-0d0f-4a8e-9c3b-0123456789ab"
    for other in (VECTOR_ID, b"2." + str(row).encode(), b"1." + row.hex.encode(), b"1.\xff", b""):
        text = macaroons.dumps("recoverydesk", "registry.example", other, ROOT, [])
        with pytest.raises(MalformedToken):
            macaroons.loads("recoverydesk", text).row_id()


def _packed(macaroon: Macaroon) -> str:
    return PREFIX + str(macaroon.serialize())


def _third_party() -> str:
    macaroon = Macaroon(location="registry.example", identifier=VECTOR_ID, key=ROOT, version=MACAROON_V2)
    macaroon.add_third_party_caveat("elsewhere.example", b"k" * 32, "discharge me")
    return _packed(macaroon)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "recoverydesk",
        "recoverydesk-",
        "pypi-AgEQcmVnaXN0cnkuZXhhbXBs",
        "recoverydesk-MDAxY2xvY2F0aW9u",
        "recoverydesk-" + "A" * 9_000,
        "recoverydesk-ÄÄÄÄ",
        vector() + "=",
        vector() + "\n",
        vector().replace("recoverydesk", "RecoveryDesk"),
        vector()[:-1],
        _packed(Macaroon(location="registry.example", identifier="x", key=ROOT, version=MACAROON_V1)),
        _third_party(),
        vector(*["[3]"] * 65),
    ],
)
def test_what_is_no_token_of_ours_is_one_named_error(text: str) -> None:
    with pytest.raises(MalformedToken):
        macaroons.loads("recoverydesk", text)


@given(st.integers(0, 2**64).map(random.Random))
@settings(max_examples=times(480, fast=50), deadline=None)
def test_any_text_gives_a_token_or_the_error(dice: random.Random) -> None:
    for _case in range(25):
        raw = b"\x02" + bytes(dice.choices(range(8 if dice.random() < 0.5 else 256), k=dice.randrange(60)))
        body = base64.urlsafe_b64encode(raw).decode().rstrip("=") if dice.random() < 0.8 else raw.decode("latin-1")
        for text in (body, PREFIX + body):
            with suppress(MalformedToken):
                macaroons.loads("recoverydesk", text).row_id()


def test_a_bit_flipped_anywhere_never_passes(holder: User) -> None:
    text = attenuate(mint(holder, only_newer=True).text, caveats.ProjectName(("sample", "other")))
    assert open_token(text).user == holder
    dice = random.Random(7)
    for _flip in range(FLIPS):
        changed = _flip_in_text(text, dice) if dice.random() < 0.3 else _flip_in_bytes(text, dice)
        with pytest.raises(TokenRefused):
            open_token(changed)


def _flip_in_text(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return text[:place] + chr(ord(text[place]) ^ (1 << dice.randrange(8))) + text[place + 1 :]


def _flip_in_bytes(text: str, dice: random.Random) -> str:
    body = text.removeprefix(PREFIX)
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    return PREFIX + base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
