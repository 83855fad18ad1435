"""What people type, and which codes count."""

import pytest

from accounts import codes

RFC_6238_SECRET = b"12345678901234567890"
# RFC 6238 appendix B, the SHA-1 rows: eight digits there, of which six-digit apps show the last six
RFC_6238 = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.mark.parametrize(("at", "code"), RFC_6238)
def test_the_vectors_of_rfc_6238_are_accepted_at_their_step(at: int, code: str) -> None:
    assert codes.accepted_step(RFC_6238_SECRET, code[-6:], now=at, after=-1) == at // 30


@pytest.mark.parametrize(("late", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_one_step_of_drift_either_way_is_forgiven(late: int, accepted: bool) -> None:
    step = codes.accepted_step(RFC_6238_SECRET, "005924", now=1234567890 + late, after=-1)
    assert (step == 1234567890 // 30) is accepted


def test_a_step_that_is_used_up_is_refused() -> None:
    step = 1234567890 // 30
    assert codes.accepted_step(RFC_6238_SECRET, "005924", now=1234567890, after=step - 1) == step
    assert codes.accepted_step(RFC_6238_SECRET, "005924", now=1234567890, after=step) is None


@pytest.mark.parametrize("typed", ["005924", " 005 924 ", "005-924", "００５９２４", "\t005\u00a0924\n", "٠٠٥٩٢٤"])
def test_spaces_hyphens_and_digits_of_other_scripts_do_not_matter(typed: str) -> None:
    assert codes.accepted_step(RFC_6238_SECRET, typed, now=1234567890, after=-1) is not None


@pytest.mark.parametrize("typed", ["", "5924", "0005924", "005924x", "+05924", "00592½", "٠٠٥٩٢", "\x00005924"])
def test_anything_else_is_no_code(typed: str) -> None:
    assert codes.accepted_step(RFC_6238_SECRET, typed, now=1234567890, after=-1) is None


def test_a_recovery_code_has_eighty_bits_in_four_groups() -> None:
    code = codes.new_recovery_code()
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4]
    assert set("".join(groups)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@pytest.mark.parametrize(
    "typed", ["abcd efgh ijkl 2345", "ABCDEFGHIJKL2345", " abcd-EFGH–ijkl-2345 ", "ＡＢＣＤ-efgh-ijkl-２３４５"]
)
def test_a_recovery_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert codes.recovery_digest(b"salt", typed) == codes.recovery_digest(b"salt", "ABCD-EFGH-IJKL-2345")


def test_the_same_code_on_another_device_has_another_digest() -> None:
    assert codes.recovery_digest(b"salt", "ABCD") != codes.recovery_digest(b"pepper", "ABCD")
