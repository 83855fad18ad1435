"""Every verdict of every caveat, and its wire form."""

import json
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiers import times
from tokens import caveats
from tokens.caveats import (
    READ,
    SHOW,
    UPLOAD,
    BadCaveat,
    Context,
    Expiration,
    Failure,
    NewerVersions,
    Project,
    ProjectID,
    ProjectName,
    ReadOnly,
    Release,
    RequestUser,
    Success,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TOKEN, USER, UID, OTHER = (UUID(int=number) for number in range(1, 5))
CONTEXT = Context(TOKEN, USER, NOW, UPLOAD, Project("sample", UID), Release("2.0", newest="1.0"))
AT = int(NOW.timestamp())


def about(**changes: Any) -> Context:
    return replace(CONTEXT, **changes)


def release(version: str, newest: str | None = None, *, age: timedelta | None = None, by: UUID = TOKEN) -> Context:
    return about(release=Release(version, newest, NOW - age if age is not None else None, by))


NO_PROJECT = "project-scoped token used outside of a project context"
NOT_FOR_SAMPLE = "project-scoped token is not valid for project: 'sample'"
NEWER = "this token can begin only newer versions: "


@pytest.mark.parametrize(
    ("caveat", "context", "reason"),
    [
        (Expiration(AT + 1, AT), CONTEXT, ""),
        (Expiration(AT, AT - 10), CONTEXT, "token is expired"),
        (Expiration(AT + 10, AT + 1), CONTEXT, "token is expired"),
        (Expiration(AT, 0), about(action=SHOW), "token is expired"),
        (ProjectName(("other", "sample")), CONTEXT, ""),
        (ProjectName(("other",)), CONTEXT, NOT_FOR_SAMPLE),
        (ProjectName(()), CONTEXT, NOT_FOR_SAMPLE),
        (ProjectName(("sample",)), about(project=None), NO_PROJECT),
        (ProjectName(("other",)), about(action=SHOW, project=None), ""),
        (ProjectID((str(UID),)), CONTEXT, ""),
        (ProjectID((str(OTHER),)), CONTEXT, NOT_FOR_SAMPLE),
        (ProjectID(("None",)), about(project=Project("sample", None)), NOT_FOR_SAMPLE),
        (ProjectID((str(UID),)), about(project=None), NO_PROJECT),
        (ProjectID((str(OTHER),)), about(action=SHOW), ""),
        (RequestUser(str(USER)), CONTEXT, ""),
        (RequestUser(str(OTHER)), CONTEXT, "current user does not match user restriction in token"),
        (RequestUser(str(OTHER)), about(action=SHOW), "current user does not match user restriction in token"),
        (NewerVersions(), release("2.0", "1.0"), ""),
        (NewerVersions(), release("1.0"), ""),
        (NewerVersions(), release("2.0", "2.0rc1"), ""),
        (NewerVersions(), release("1.0.post1", "1.0"), ""),
        (NewerVersions(), release("2.0", "2.0"), NEWER + "2.0 is not above 2.0"),
        (NewerVersions(), release("2.0.0", "2"), NEWER + "2.0.0 is not above 2"),
        (NewerVersions(), release("2.0", "2.0.post1"), NEWER + "2.0 is not above 2.0.post1"),
        (NewerVersions(), release("1.9", "2.0"), NEWER + "1.9 is not above 2.0"),
        (NewerVersions(), release("1!1.0", "2.0"), ""),
        (NewerVersions(), release("2.0rc1", "1.0"), "this token opens final and post-releases only: 2.0rc1 is neither"),
        (NewerVersions(), release("2.dev0", "1.0"), "this token opens final and post-releases only: 2.dev0 is neither"),
        (NewerVersions(), release("2.0+x", "1.0"), "this token opens final and post-releases only: 2.0+x is neither"),
        (NewerVersions(), release("latest", "1.0"), NEWER + "the version cannot be compared"),
        (NewerVersions(), release("2.0", "2.0", age=timedelta(hours=23, minutes=59)), ""),
        (NewerVersions(), release("2.0", "2.0", age=timedelta(hours=24)), NEWER + "2.0 is older than 24 hours"),
        (NewerVersions(), release("2.0", "2.0", age=timedelta(0), by=OTHER), NEWER + "2.0 was not opened by it"),
        (NewerVersions(), about(release=None), NEWER + "say which version"),
        (NewerVersions(), about(action=SHOW, release=None), ""),
        (ReadOnly(), CONTEXT, "this token can only install"),
        (ReadOnly(), about(action=READ), ""),
        (ReadOnly(), about(action=SHOW, project=None), ""),
    ],
    ids=str,
)
def test_a_caveat_allows_or_says_why_not(caveat: caveats.Caveat, context: Context, reason: str) -> None:
    assert caveat.verify(context) == (Failure(reason) if reason else Success())


@pytest.mark.parametrize(
    ("wire", "caveat"),
    [
        ("[0,20,10]", Expiration(20, 10)),
        ('[1,["a","b"]]', ProjectName(("a", "b"))),
        ('[2,["11111111-2222-4333-8444-555555555555"]]', ProjectID(("11111111-2222-4333-8444-555555555555",))),
        ('[3,"ü"]', RequestUser("ü")),
        ("[100]", NewerVersions()),
        ("[101]", ReadOnly()),
    ],
)
def test_the_wire_form_is_a_compact_array(wire: str, caveat: caveats.Caveat) -> None:
    assert (caveats.dumps(caveat), caveats.loads(wire.encode())) == (wire, caveat)


def test_fields_that_came_later_are_ignored() -> None:
    assert caveats.loads('[0,20,10,"later"]') == Expiration(20, 10)
    assert caveats.loads("[100,1]") == NewerVersions()


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("", "caveat is not JSON"),
        ("time < 12", "caveat is not JSON"),
        ("[" * 100_000, "caveat is not JSON"),
        ('{"nbf":1,"exp":2}', "caveat is not an array"),
        ("[]", "caveat is not an array"),
        ("[4]", "caveat has unknown tag"),
        ("[102]", "caveat has unknown tag"),
        ("[-1]", "caveat has unknown tag"),
        ("[true,20,10]", "caveat has unknown tag"),
        ("[0.0,20,10]", "caveat has unknown tag"),
        ('["0",20,10]', "caveat has unknown tag"),
        ("[[]]", "caveat has unknown tag"),
        ("[0,20]", "not enough values"),
        ("[0,20,true]", "caveat has a wrong time"),
        ("[0,1e3,10]", "caveat has a wrong time"),
        ("[0,99999999999999999999,10]", "caveat has a wrong time"),
        ("[1]", "not enough values"),
        ('[1,"sample"]', "caveat has a wrong list"),
        ("[2,[1]]", "caveat has a wrong list"),
        ("[3,3]", "caveat has a wrong text"),
        (b"\xff", "caveat is not JSON"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_caveat_is_one_named_error(wire: str | bytes, reason: str) -> None:
    with pytest.raises(BadCaveat) as refusal:
        caveats.loads(wire)
    assert str(refusal.value) == reason


def test_a_time_and_a_list_of_names_have_a_size_that_is_still_taken() -> None:
    for most in (2**53, -(2**53)):
        assert caveats.loads(f"[0,{most},{most}]") == Expiration(most, most)
        with pytest.raises(BadCaveat, match="wrong time"):
            caveats.loads(f"[0,{most + (1 if most > 0 else -1)},0]")
    names = ("a",) * 1_000
    assert caveats.loads(caveats.dumps(ProjectName(names))) == ProjectName(names)
    with pytest.raises(BadCaveat, match="wrong list"):
        caveats.loads(caveats.dumps(ProjectName((*names, "a"))))


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ROW = st.lists(SCALAR | st.lists(SCALAR, max_size=3), max_size=4)
TAGGED = st.builds(lambda tag, fields: [tag, *fields], st.sampled_from([0, 1, 2, 3, 4, 100, 101, 102]), ROW)


@given((ROW | TAGGED).map(json.dumps) | st.binary(max_size=50))
@settings(max_examples=times(2_000, fast=200), deadline=None)
def test_any_bytes_give_a_caveat_with_a_verdict_or_the_error(wire: str | bytes) -> None:
    try:
        caveat = caveats.loads(wire)
    except BadCaveat:
        return
    assert isinstance(caveat.verify(CONTEXT), Success | Failure)
    assert caveats.loads(caveats.dumps(caveat)) == caveat


def test_tags_are_numbers_used_once_and_caveats_cannot_change() -> None:
    assert [kind.tag for kind in caveats.KINDS] == [0, 1, 2, 3, 100, 101]
    assert len(caveats.BY_TAG) == len(caveats.KINDS)
    with pytest.raises(FrozenInstanceError):
        Expiration(1, 0).expires_at = 2  # type: ignore[misc]
