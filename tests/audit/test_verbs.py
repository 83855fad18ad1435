"""Every verb writes an event: found by inspection, so that a new one cannot be forgotten.

A verb is a public function with a keyword-only `actor`. It must lead, by the calls in its own code, to
`audit.log.record`. Those that change nothing worth an event stand in SILENT, with the reason.
"""

import ast
import functools
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

import accounts
import recoverydesk
import tokens
from audit.log import record

ROOMS = (accounts, tokens, recoverydesk)
LEFT_OUT = (".migrations", ".demo", ".management", "recoverydesk.settings", "recoverydesk.wsgi")
STOPS = ("verb", "_record_refusal", "_refuse")  # writes down refusals: says nothing about what happens on success
SILENT = {
    "recoverydesk.recovery.workflow.challenges.check_now": "only makes the next looks due sooner; the looks are rows",
    "recoverydesk.recovery.desk.notes.read_mentions": "empties the reader's own list; nothing of the ticket changes",
    "recoverydesk.recovery.workflow.messages.answered": "part of a reply, which is the event",
    "recoverydesk.projects.mail_invitations.decline": "owners read the events, and would learn whose the address is",
    "recoverydesk.staging.batch.decide": "each release's own verb writes its event",
    "recoverydesk.recovery.workflow.waiting_period.remind": "queues a mail, a row of its own; no ticket changes",
}


def modules() -> Iterator[ModuleType]:
    for room in ROOMS:
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not any(part in found.name for part in LEFT_OUT):
                yield importlib.import_module(found.name)


def own(function: Any) -> bool:
    return isinstance(function, FunctionType) and function.__module__.split(".")[0] in {
        "accounts", "tokens", "recoverydesk", "audit",
    }  # fmt: skip


def verbs() -> dict[str, Callable[..., Any]]:
    """Every public function with a keyword-only `actor`, by its full name."""
    found = {}
    for module in modules():
        for name, function in vars(module).items():
            if name.startswith("_") or not own(inspect.unwrap(function) if callable(function) else function):
                continue
            if inspect.unwrap(function).__module__ == module.__name__ and _takes_actor(function):
                found[f"{module.__name__}.{name}"] = function
    return found


def _takes_actor(function: Any) -> bool:
    if isinstance(function, type):
        return False
    parameter = inspect.signature(function).parameters.get("actor")
    return parameter is not None and parameter.kind is inspect.Parameter.KEYWORD_ONLY


def calls(function: FunctionType) -> Iterator[FunctionType]:
    """The functions of ours that this one names: called, handed on, or reached through a module."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        value: Any = None
        if isinstance(node, ast.Name):
            value = function.__globals__.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            value = getattr(function.__globals__.get(node.value.id), node.attr, None)
        value = inspect.unwrap(value) if callable(value) else value
        if own(value) and value.__name__ not in STOPS:
            yield value


def writes(function: Callable[..., Any], forgotten: frozenset[Any] = frozenset()) -> bool:
    """Whether the function's calls lead to `record`, leaving out those in `forgotten`."""
    waiting, seen = [inspect.unwrap(function)], set()
    while waiting:
        one = waiting.pop()
        if one is record:
            return True
        if one not in seen and one not in forgotten:
            seen.add(one)
            waiting += calls(one)
    return False


def refuses(function: Callable[..., Any]) -> bool:
    """A verb whose row is not built yet: it refuses by name, and changes nothing."""
    return [one.__name__ for one in calls(inspect.unwrap(function)) if one.__module__ == function.__module__] == [
        "_later"
    ]


VERBS = verbs()


def test_the_verbs_are_found() -> None:
    known = {"accounts.services.freeze", "tokens.services.hold_all", "recoverydesk.recovery.workflow.resets.reset"}
    assert known | {"recoverydesk.projects.roles.add_role", "recoverydesk.recovery.code_hosts.described.pause"} <= set(
        VERBS
    )
    assert len(VERBS) > 40


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_writes_an_event(name: str) -> None:
    assert writes(VERBS[name]) or name in SILENT or refuses(VERBS[name])


def test_the_list_of_silent_verbs_is_up_to_date() -> None:
    assert {name for name in SILENT if name not in VERBS or writes(VERBS[name])} == set()


def forgetful(*, actor: str) -> str:
    """A verb that writes nothing."""
    return functools.reduce(str.__add__, [actor, "done"])


def test_a_verb_that_writes_nothing_would_be_seen() -> None:
    assert _takes_actor(forgetful)
    assert not writes(forgetful)


def test_taking_the_event_out_of_a_verb_would_be_seen() -> None:
    from accounts import notices, services

    assert writes(services.freeze)
    assert not writes(services.freeze, frozenset({notices.changed}))
