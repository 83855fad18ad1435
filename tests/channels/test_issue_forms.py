"""Issue forms are read: the right account and claim, or a question; never a wrong account."""

import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import typed_names
from recoverydesk.channels import issue_forms
from recoverydesk.channels.issue_forms import Problem, read
from tests.helpers.issue_bodies import CLEAR, GENERATIONS, OTHER, UNCLEAR, Body, bodies
from tests.helpers.names_as_written import CASES, REFUSED
from tests.tiers import times

FORM = "### PyPI Username\n\n{}\n\n### Reason for request\n\n{}"
LOST = "I lost my authenticator app"


@pytest.fixture(autouse=True)
def profiles(settings: Any) -> None:
    settings.RECOVERY_PROFILE_URLS = ["https://registry.example/user/"]


def judged(body: Body) -> str:
    """What became of it: right, asked, asked in vain, wrong account or wrong claim."""
    said = read(body.text)
    if said.problems:
        return "asked" if body.must_ask or body.may_ask else "asked in vain"
    if said.username != body.account:
        return "wrong account"
    return "right" if said.claim == body.claim and not body.must_ask else "wrong claim"


def test_of_500_bodies_99_in_100_are_read_right_or_asked_and_no_account_is_wrong() -> None:
    made = list(bodies(500, seed=19))
    found = Counter(map(judged, made))
    assert found["wrong account"] == found["wrong claim"] == 0, [one for one in made if "wrong" in judged(one)][:3]
    assert found["right"] + found["asked"] >= 495, [one.kind for one in made if judged(one) == "asked in vain"]
    assert found["right"] > 150
    assert found["asked"] > 150


@pytest.mark.thorough
def test_of_20_000_bodies_no_account_is_wrong() -> None:
    assert {judged(one) for one in bodies(20_000, seed=7)} <= {"right", "asked", "asked in vain"}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_of_the_form_is_read(generation: str) -> None:
    said = read(GENERATIONS[generation].format(name="`Ada`", reason=LOST, box="X"))
    assert (said.username, said.claim, said.problems) == ("Ada", "second_factor", ())


@pytest.mark.parametrize("habit", CLEAR)
def test_a_name_that_means_one_account_is_read(habit: str) -> None:
    said = read(FORM.format(CLEAR[habit].replace("{0}", "{}").replace("{}", "ada"), LOST))
    assert said.username == ("ada@example.org" if habit == "address" else "ada")
    assert said.problems == ()


@pytest.mark.parametrize("habit", UNCLEAR)
def test_a_name_that_means_nobody_or_two_is_asked_for(habit: str) -> None:
    said = read(FORM.format(UNCLEAR[habit].replace("{}", "ada"), LOST))
    assert said.username == ""
    assert said.problems in ((Problem.NO_NAME,), (Problem.TWO_NAMES,))


@pytest.mark.parametrize("typed", [typed for typed, _meant in CASES])
def test_names_are_read_by_the_function_that_form_and_desk_use(typed: str) -> None:
    """What that function refuses is a question here, and what it understands is the same name."""
    said = read(FORM.format(typed, LOST))
    meant = dict(CASES)[typed]
    assert said.username == ("" if meant is REFUSED else typed_names.read(typed))


def test_an_address_that_is_lost_is_not_asked_for_in_public() -> None:
    said = read(FORM.format("ada", "Lost access to email address"))
    assert (said.claim, said.problems) == ("email", (Problem.NEEDS_ADDRESS,))


def test_the_box_for_recovery_codes_says_what_it_says() -> None:
    form = FORM.format("ada", LOST) + "\n\n### Recovery Codes\n\n- [{}] {}"
    assert read(form.format("X", "I have lost my recovery codes")).has_recovery_codes is False
    assert read(form.format(" ", "I have lost my recovery codes")).has_recovery_codes is None
    has_some = read(form.format("X", "I have my recovery codes"))
    assert (has_some.has_recovery_codes, has_some.problems) == (True, (Problem.HAS_CODES,))


def test_a_text_that_is_no_form_is_asked_about() -> None:
    assert read("Hello, I lost my phone. I am `ada`.").problems[0] == Problem.NO_FORM
    assert read("").problems[0] == Problem.NO_FORM
    assert read("x" * (issue_forms.LONGEST + 1)).problems == (Problem.TOO_LONG,)


PIECES = st.sampled_from(
    ["### PyPI Username", "\n\n", "\n", "`", "ada", OTHER, "<!--", "-->", "```", "> ", "- ", "    ", "\r\n", "[x](",
     "&#0;", "### Reason for request", "2FA", "e-mail", "\0",
     "\u202e", "***", "[X]", "|", "\\", "&amp;", "\x85", "\u2028"]
)  # fmt: skip


@pytest.mark.thorough
@settings(max_examples=times(100_000, fast=500), deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=300)))
def test_no_body_whatever_raises_and_a_name_is_one_that_can_be_typed(body: str) -> None:
    said = read(body)
    assert said.problems or (said.username and said.claim)
    assert said.username == "" or typed_names.read(said.username) == said.username


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_body_of_the_fast_sample_raises(body: str) -> None:
    said = read(body)
    assert said.problems or (said.username and said.claim)


HEAVY = [
    "[", "> ", "- ", "* a\n", "<!--", "`", "&", "\\`", "### PyPI Username\n\n", "```\n", "<a ", "![", "1. ", "\t",
    "a\n",
    "- a\n  ", "**", "<!-- -->", "2fa ", "x" * 99 + "@", "still ", "&#x", "[a](", "user: ", "|-",
    "n't ", "user name ", "> - ",
]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("piece", HEAVY, ids=[str(number) for number in range(len(HEAVY))])
def test_reading_takes_time_in_proportion_to_the_length(piece: str) -> None:
    """Four times the text takes less than ten times the calls: a count says the same on every machine."""

    def calls(length: int) -> int:
        half = (piece * length)[: length // 2 - 100]
        text, counted = FORM.format(half, half), [0]

        def count(*_event: object) -> None:
            counted[0] += 1

        sys.setprofile(count)
        try:
            read(text)
        finally:
            sys.setprofile(None)
        return counted[0]

    assert calls(64_000) < 10 * calls(16_000) + 1000
