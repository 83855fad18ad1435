"""The branch token: derived, never stored, and mostly kept from the host."""

import re

import pytest
from pytest_django import Settings

from common import keys
from recoverydesk.recovery import branch_token


def test_a_token_is_the_prefix_and_130_bits_and_the_same_each_time() -> None:
    token = branch_token.derive(214, "nonce", keys.current_key_id())
    assert re.fullmatch(r"000-recovery-[a-z2-7]{26}", token)
    assert branch_token.derive(214, "nonce", keys.current_key_id()) == token


def test_another_ticket_nonce_or_key_gives_another_token(settings: Settings) -> None:
    settings.FIELD_KEYS = [b"n" * 32, *settings.FIELD_KEYS]
    new, old = keys.current_key_id(), keys._key_id(settings.FIELD_KEYS[1])
    made = [(1, "a", new), (2, "a", new), (1, "b", new), (1, "a", old), (11, "", new), (1, "1", new)]
    assert len({branch_token.derive(*parts) for parts in made}) == len(made)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(keys.UnknownKey):
        branch_token.derive(1, "a", "no such key")


def test_the_host_is_asked_for_five_characters_of_the_secret() -> None:
    token = "000-recovery-" + "abcde" + "f" * 21
    assert branch_token.asked_prefix(token) == "refs/heads/000-recovery-abcde"


@pytest.mark.parametrize(
    "name", ["main", "000-recovery-", "000-recovery-" + "a" * 25, "000-recovery-" + "A" * 26, "feature/x"]
)
def test_other_names_are_asked_whole(name: str) -> None:
    assert branch_token.asked_prefix(name) == f"refs/heads/{name}"


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\nb", "a\x00", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", "-a", ".a",
     "a/.b", "a.", "a.lock", "a.lock/b", "@", "a@{b", "x" * 201, "\ud800"],
)  # fmt: skip
def test_names_git_refuses_are_never_asked(name: str) -> None:
    with pytest.raises(branch_token.BadBranchName):
        branch_token.asked_prefix(name)


def test_names_are_compared_exactly() -> None:
    assert branch_token.same("000-recovery-a", "000-recovery-a")
    assert not branch_token.same("000-recovery-a", "000-recovery-A")
    assert not branch_token.same("000-recovery-a", "000-recovery-ab")
