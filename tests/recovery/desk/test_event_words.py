"""No event reaches a reader in our names: every verb has its sentence, every detail its words.

The details are found in the code: what is handed to `audit.log.record`, directly, through a function that hands its own
keywords on, or in a dictionary built beside the call. A new one fails here until it has words.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from audit.models import Event
from audit.staff_sentences import SENTENCES
from audit.tags import Tag
from recoverydesk.recovery import event_words, wording
from recoverydesk.recovery.desk import told
from tests.helpers.files import ROOT

ROOMS = ("accounts", "audit", "recoverydesk", "tokens")
RAW = re.compile(r"[a-z]+:[a-z_]+|[a-z]_[a-z]|[{}\[\]]|\bTrue\b|\bNone\b")  # our names, not words
Function = ast.FunctionDef


def trees() -> Iterator[ast.Module]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if not {"migrations", "demo", "populating"} & set(path.relative_to(ROOT).parts):
                yield ast.parse(path.read_text())


def functions() -> Iterator[Function]:
    for tree in trees():
        yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def named(function: Function) -> set[str]:
    """The parameters that have a name."""
    given = function.args
    return {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)}


def calls(node: ast.AST, recorders: dict[str, set[str]]) -> Iterator[tuple[ast.Call, str]]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name in recorders:
                yield call, name


@cache
def recorders() -> dict[str, set[str]]:
    """`record` and every function that hands its own keywords on to one of these, each with its named parameters."""
    every = list(functions())
    found = {one.name: named(one) for one in every if one.name == "record" and "tag" in named(one)}
    while True:
        more = {
            one.name: named(one)
            for one in every
            if one.name not in found and one.args.kwarg and hands_on(one, one.args.kwarg.arg, found)
        }
        if not more:
            return found
        found |= more


def hands_on(function: Function, keywords: str, known: dict[str, set[str]]) -> bool:
    return any(
        part.arg is None and isinstance(part.value, ast.Name) and part.value.id == keywords
        for call, _name in calls(function, known)
        for part in call.keywords
    )


@cache
def details() -> frozenset[str]:
    """Every name under which something is written into an event."""
    known = recorders()
    return frozenset(key for function in functions() for key in written_by(function, known))


def written_by(function: Function, known: dict[str, set[str]]) -> Iterator[str]:
    own = function.args.kwarg.arg if function.args.kwarg else ""
    for call, name in calls(function, known):
        for part in call.keywords:
            if part.arg is not None and part.arg not in known[name] | known["record"]:
                yield part.arg
            elif part.arg is None and not (isinstance(part.value, ast.Name) and part.value.id == own):
                yield from keys_beside(function)


def keys_beside(function: Function) -> Iterator[str]:
    """The keys of the dictionaries that a function builds."""
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


NOT_OURS = {"force_insert", "update_fields", "origin", "subject", "address", "asked", "described", "project", "ticket"}
BESIDE = {  # what helpers in other rooms put together: their function, and where it stands
    "described": "recoverydesk/publishers/verbs.py",
    "facts": "recoverydesk/publishers/shapes.py",
}


@cache
def written() -> list[str]:
    found = set(details()) - NOT_OURS
    for name, path in BESIDE.items():
        function = next(
            node
            for node in ast.walk(ast.parse((ROOT / path).read_text()))
            if isinstance(node, Function) and node.name == name
        )
        found |= strings(function.body[1:])
    return sorted(found)


def strings(body: list[ast.stmt]) -> set[str]:
    """The words in a function's code that could be keys."""
    every = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Constant))
    return {node.value for node in every if isinstance(node.value, str)}


def values() -> list[tuple[str, str]]:
    """The words that the program itself gives as a detail: written out where they are handed over."""
    known, found = recorders(), set()
    for function in functions():
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            for part in call.keywords:
                if part.arg in event_words.WORDS.keys() | {"verb", "error"} and isinstance(part.value, ast.Constant):
                    found.add((str(part.arg), str(part.value.value), function.name in known or writes(call, known)))
    return sorted((key, value) for key, value, recorded in found if recorded)


def writes(call: ast.Call, known: dict[str, set[str]]) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name in known or name == "refused"


def test_the_walk_finds_what_is_written() -> None:
    assert {"record", "record_hourly", "changed", "move", "save"} <= recorders().keys()
    assert {"totp", "until", "a_day", "was_staff", "version", "code", "by", "issuer", "run_id"} <= set(written())
    assert {("why", "retention"), ("how", "csv"), ("verb", "open"), ("what", "deleted")} <= set(values())


@pytest.mark.parametrize("key", written())
def test_every_detail_has_words_or_is_for_programs(key: str) -> None:
    assert key in event_words.DETAILS.keys() | event_words.UNSAID
    assert not RAW.search(event_words.detail_name(key)) or key in event_words.UNSAID


def test_no_detail_has_words_that_nothing_writes_any_more() -> None:
    """Rows of earlier releases keep their keys: those stand here."""
    earlier = {"rows"}
    nested = {"a_day", "a_second", "style", "private", "plain_http", "origin"}
    assert event_words.DETAILS.keys() - set(written()) - earlier - nested == set()


@pytest.mark.parametrize(("key", "value"), values())
def test_every_word_of_the_program_is_one_for_readers(key: str, value: str) -> None:
    assert not RAW.search(event_words.detail(key, value))
    assert key == "error" or event_words.detail(key, value) != value or " " in value or value in PLAIN


PLAIN = {"added", "changed", "deleted", "stricter", "ended", "password"}  # said as they are written


@pytest.mark.parametrize("tag", list(Tag), ids=[tag.value for tag in Tag])
def test_every_verb_has_a_sentence_for_its_account_and_one_for_staff(tag: Tag) -> None:
    event = Event(tag=tag, actor_name="mod", subject_name="ada", data={})
    for sentence in (str(tag.label), told.sentence(event)):
        assert sentence.endswith(".")
        assert not RAW.search(sentence)
        assert sentence[0].isupper() or sentence.startswith(("mod", "ada"))
    assert tag in SENTENCES


@pytest.mark.parametrize("tag", list(Tag), ids=[tag.value for tag in Tag])
def test_whatever_an_event_holds_is_told_in_words(tag: Tag) -> None:
    """Every detail at once, with values of each kind."""
    kinds = (True, 7, "2026-12-01T10:00:00.000001+00:00", ["one", "two"], {"a_day": 5, "a_second": None}, "x")
    data = {key: kinds[place % len(kinds)] for place, key in enumerate(written())}
    event = Event(tag=tag, actor_name="mod", subject_name="ada", data=data)
    assert RAW.findall(told.details(event).replace(":", "")) == []


def test_every_kind_of_mail_is_called_something() -> None:
    """Ours by their folders, allauth's by their files."""
    ours = {path.parent.name for path in (ROOT / "templates/emails").glob("*/body.txt")}
    theirs = {
        path.name.removesuffix("_message.txt") for path in (ROOT / "templates/account/email").glob("*_message.txt")
    }
    assert ours | theirs == wording.MAILS.keys()
    assert [name for name in wording.MAILS.values() if RAW.search(str(name))] == []


def test_a_detail_without_words_would_be_seen() -> None:
    assert RAW.search("was_superuser")
    assert RAW.search("account:freeze")
    assert RAW.search("{'a_day': 5}")
    assert "no_such_detail" not in event_words.DETAILS
