"""What people type, and which codes count."""

import sys
import unicodedata

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


@pytest.mark.parametrize(
    "typed",
    [
        "005924",
        " 005 924 ",
        "005-924",
        "００５９２４",
        "\t005\u00a0924\n",
        "٠٠٥٩٢٤",
        "005—924",
        "005\u2212924",
        "\u200e005924\u200b",
    ],
)
def test_spaces_dashes_unseen_signs_and_digits_of_other_scripts_do_not_matter(typed: str) -> None:
    assert codes.accepted_step(RFC_6238_SECRET, typed, now=1234567890, after=-1) is not None


@pytest.mark.parametrize("typed", ["", "5924", "0005924", "005924x", "+05924", "00592½", "٠٠٥٩٢", "\x00005924"])
def test_anything_else_is_no_code(typed: str) -> None:
    assert codes.accepted_step(RFC_6238_SECRET, typed, now=1234567890, after=-1) is None


def test_a_recovery_code_has_eighty_bits_in_four_groups() -> None:
    code = codes.new_recovery_code()
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4]
    assert set("".join(groups)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def code_with(between: str) -> str:
    return between.join(["ABCD", "EFGH", "IJKL", "2345"])


def every_sign(*kinds: str) -> list[str]:
    """Every character of these Unicode categories."""
    return [sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(sign) in kinds]


@pytest.mark.parametrize(
    "typed",
    [
        "abcd efgh ijkl 2345",
        "ABCDEFGHIJKL2345",
        " abcd-EFGH–ijkl-2345 ",
        "ＡＢＣＤ-efgh-ijkl-２３４５",
        "ABCD.EFGH.IJKL.2345",
    ],
)
def test_a_recovery_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert codes.recovery_digest(b"salt", typed) == codes.recovery_digest(b"salt", "ABCD-EFGH-IJKL-2345")


def test_no_dash_space_or_unseen_sign_of_unicode_changes_a_code() -> None:
    signs = [*every_sign("Pd", "Cf", "Zs", "Zl", "Zp"), "\u2212", "\u2043", "\u207b", "\ufe0f"]
    assert {codes.base32_of(code_with(sign)) for sign in signs} == {"ABCDEFGHIJKL2345"}
    assert {codes.squeeze(f"005{sign}924{sign}") for sign in signs} == {"005924"}


@pytest.mark.parametrize(("typed", "meant"), [("0", "O"), ("1", "I"), ("8", "B"), ("０", "O"), ("٨", "B"), ("i", "I")])
def test_a_digit_base32_lacks_is_the_letter_it_looks_like(typed: str, meant: str) -> None:
    assert codes.recovery_digest(b"salt", code_with(typed)) == codes.recovery_digest(b"salt", code_with(meant))


def test_a_code_made_by_us_has_no_letter_that_could_be_read_as_another() -> None:
    assert all(
        codes.base32_of(code) == code.replace("-", "") for code in (codes.new_recovery_code() for _ in range(99))
    )


def test_an_authenticators_digits_are_not_read_as_letters() -> None:
    assert codes.squeeze("018018") == "018018"
    assert not codes.looks_like_totp("OIBOIB")


def test_the_same_code_on_another_device_has_another_digest() -> None:
    assert codes.recovery_digest(b"salt", "ABCD") != codes.recovery_digest(b"pepper", "ABCD")


def test_only_a_code_of_the_past_is_found_out_and_the_latest_of_several() -> None:
    now, step = 1234567890, 1234567890 // 30
    found = [codes.past_step(RFC_6238_SECRET, "005924", now=now + late * 30, after=-1) for late in range(-12, 13)]
    assert found == [None] * 14 + [step] * 9 + [None] * 2
    assert codes.past_step(RFC_6238_SECRET, "005924", now=now + 90, after=step) is None
