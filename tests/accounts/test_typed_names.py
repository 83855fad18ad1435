"""What people type for a name, read from the text alone."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import typed_names
from tests.helpers import factories
from tests.helpers.names_as_written import CASES, REFUSED

SITE = "https://registry.example/user/"
ADDRESS = "ada@example.org"


@pytest.fixture
def _profiles(settings: Any) -> None:
    settings.RECOVERY_PROFILE_URLS = [SITE]


def read(typed: str) -> str | None:
    try:
        return typed_names.read(typed)
    except typed_names.NoName:
        return None


@pytest.mark.usefixtures("_profiles")
@pytest.mark.parametrize(("typed", "meant"), CASES)
def test_a_name_is_read_as_it_was_meant(typed: str, meant: str | None) -> None:
    expected = ADDRESS if typed == ADDRESS else meant
    assert read(typed) == expected


def test_the_cases_have_names_and_refusals() -> None:
    assert {meant for _typed, meant in CASES} >= {"ada", REFUSED}
    assert ADDRESS in {typed for typed, _meant in CASES}


@pytest.mark.usefixtures("_profiles")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("  ada\n", "ada"),
        ("<ada@Example.org>", ADDRESS),
        ("mailto:ada@example.org", ADDRESS),
        ("**ada**", "ada"),
        ("“ada”,", "ada"),
        ('"@ada".', "ada"),
        ("ＡＤＡ＠example.org", ADDRESS),
        ("registry.example/user/ada", "ada"),
        ("http://REGISTRY.example:443/user/ada?tab=projects#top", "ada"),
        ("https://registry.example/user/%40ada/projects/", "ada"),
        ("<https://registry.example/user/ada/>", "ada"),
        ("http://localhost:8000/~ada", "ada"),
        ("http://localhost:8000/users/ada", "ada"),
        ("a.d-a_1", "a.d-a_1"),
        ("https://registry.example/project/ada/", None),
        ("https://registry.example/user/", None),
        ("https://registry.example@elsewhere.example/user/ada", None),
        ("https://elsewhere.example@registry.example/user/ada", None),
        ("https://registry.example:8443/user/ada", None),
        ("https://registry.example.elsewhere.example/user/ada", None),
        ("https://[registry.example/user/ada", None),
        ("https://registry.example:x/user/ada", None),
        ("ada@", None),
        ("ada@localhost@example.org", None),
        ("ada_", None),
        ("ädä", None),
        ("", None),
        ("@", None),
        ("ada\x00bob", None),
        ("a" * 50, "a" * 50),
        ("a" * 255 + "@example.org", None),
    ],
)
def test_neighbours_of_the_cases(typed: str, meant: str | None) -> None:
    assert read(typed) == meant


@given(st.text(max_size=600))
def test_any_text_is_a_name_or_refused_and_reading_twice_is_reading_once(typed: str) -> None:
    name = read(typed)
    assert name is None or read(name) == name


@given(st.from_regex(re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?"), fullmatch=True))
def test_every_username_is_read_as_it_is(name: str) -> None:
    assert read(name) == name
    assert read(f"`@{name}`,") == name


@pytest.mark.django_db
def test_an_address_finds_the_account_that_verified_it_and_no_other() -> None:
    ada = factories.make_user("ada")
    factories.make_user("thief", email="late@example.org", verified=False)
    assert typed_names.find("Ada@Example.ORG") == ada
    assert typed_names.find("late@example.org") is None
    assert typed_names.find("`ADA`") == ada
    assert typed_names.find("no name") is None
