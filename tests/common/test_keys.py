import secrets
from typing import Any

import pytest

from common import keys

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


@pytest.fixture(autouse=True)
def one_key(settings: Any) -> None:
    settings.FIELD_KEYS = [OLD]


@pytest.fixture
def rotate(settings: Any) -> Any:
    def change(*field_keys: bytes) -> None:
        settings.FIELD_KEYS = list(field_keys)

    return change


def test_every_purpose_has_a_key_of_its_own() -> None:
    derived = {keys.derive("stop"), keys.derive("status"), keys.derive("")}
    assert len(derived) == 3
    assert {len(key) for key in derived} == {32}
    assert OLD not in derived


def test_the_key_follows_from_root_and_purpose_alone(settings: Any) -> None:
    """HKDF-SHA256 with info `recoverydesk:stop`; a changed value would kill every link in somebody's mailbox."""
    settings.FIELD_KEYS = [bytes(range(32))]
    assert keys.derive("stop").hex() == "ade9cd3dc47905b8f34d83787b232fe0313d345fd6d796b9264fa001faf69ebd"
    assert keys.current_key_id() == "aab43a44f19b"


def test_what_was_encrypted_reads_back_and_shows_nothing() -> None:
    stored = keys.encrypt("totp", b"JBSWY3DPEHPK3PXP")
    assert b"JBSWY3DP" not in stored
    assert keys.decrypt("totp", stored) == b"JBSWY3DPEHPK3PXP"
    assert keys.decrypt("totp", memoryview(stored)) == b"JBSWY3DPEHPK3PXP"  # PostgreSQL's form
    assert keys.encrypt("totp", b"JBSWY3DPEHPK3PXP") != stored


def test_another_purpose_cannot_read_it() -> None:
    with pytest.raises(keys.BadCiphertext):
        keys.decrypt("mail", keys.encrypt("totp", b"x"))


@pytest.mark.parametrize("damage", [lambda text: text[:-2] + b"zz", lambda text: b"", lambda text: b"not ours"])
def test_damaged_bytes_are_refused(damage: Any) -> None:
    with pytest.raises(keys.BadCiphertext):
        keys.decrypt("totp", damage(keys.encrypt("totp", b"x")))


def test_after_rotation_the_new_key_writes_and_the_old_one_still_reads(rotate: Any) -> None:
    stored, old_id = keys.encrypt("totp", b"x"), keys.current_key_id()
    signed = keys.mac("stop", old_id, "a")
    rotate(NEW, OLD)
    assert keys.current_key_id() != old_id
    assert keys.decrypt("totp", stored) == b"x"
    assert keys.mac("stop", old_id, "a") == signed
    assert keys.mac("stop", keys.current_key_id(), "a") != signed
    newer = keys.encrypt("totp", b"y")
    rotate(NEW)
    assert keys.decrypt("totp", newer) == b"y"


def test_a_key_that_left_is_unknown(rotate: Any) -> None:
    old_id, stored = keys.current_key_id(), keys.encrypt("totp", b"x")
    rotate(NEW)
    with pytest.raises(keys.UnknownKey):
        keys.derive("stop", old_id)
    with pytest.raises(keys.UnknownKey):
        keys.mac("stop", old_id, "a")
    with pytest.raises(keys.BadCiphertext):
        keys.decrypt("totp", stored)


def test_a_key_id_tells_nothing_of_the_key() -> None:
    assert len(keys.current_key_id()) == 12
    assert keys.current_key_id() not in OLD.hex()


@pytest.mark.parametrize(
    ("one", "two"),
    [(("ab", "c"), ("a", "bc")), (("a", ""), ("a",)), (("1:a,",), ("1", "a")), (("a", "b"), ("b", "a")), ((), ("",))],
)
def test_different_parts_have_different_macs(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    now = keys.current_key_id()
    assert keys.mac("stop", now, *one) != keys.mac("stop", now, *two)


def test_a_mac_is_43_url_safe_characters_and_bound_to_its_purpose() -> None:
    now = keys.current_key_id()
    made = keys.mac("stop", now, "7", "ada@example.org")
    assert len(made) == 43
    assert made.replace("-", "").replace("_", "").isalnum()
    assert made != keys.mac("status", now, "7", "ada@example.org")
