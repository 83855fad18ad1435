"""docs/transitions.md is drawn from the table of moves; a change of the table changes the page in the same commit.

UPDATE_TRANSITIONS=1 .venv/bin/python -m pytest tests/test_transitions_page.py
"""

import os
from collections.abc import Iterator

from recoverydesk.recovery.models import OPEN_STATUSES, Status
from recoverydesk.recovery.permissions import Who
from recoverydesk.recovery.workflow.table import TRANSITIONS, Move
from tests.helpers.files import ROOT

PAGE = ROOT / "docs" / "transitions.md"
OPEN = frozenset(OPEN_STATUSES)
TEXT = """\
# How a ticket moves

Made from `TRANSITIONS` in `{source}`, the only table of moves, by
`{test}` (`UPDATE_TRANSITIONS=1` writes it anew). What each verb asks before it acts is in
[the rules](design.md); what the words mean is in [the glossary](glossary.md).

```mermaid
{way}
```

An open ticket (new, challenged, waiting or ready) can be ended wherever it stands:

```mermaid
{ends}
```

A verb whose row has the same statuses on both sides moves nothing by itself. Where it completes the evidence or takes
some of it away, it moves the ticket along the arrows above in the same transaction.

| Verb | From | May lead to | By |
|---|---|---|---|
{rows}
"""


def moves_on(move: Move) -> Iterator[tuple[Status, Status]]:
    """The pairs of statuses between which the verb is an arrow: into a status it does not start from, or an end."""
    for source in sorted(move.sources, key=list(Status).index):
        for target in sorted(move.targets, key=list(Status).index):
            if target not in move.sources or (target not in OPEN and source in OPEN):
                yield source, target


def arrows() -> dict[tuple[str, str], list[str]]:
    """The verbs of each arrow; one that leads from every open status starts at `open`."""
    found: dict[tuple[str, str], list[str]] = {}
    for verb, move in TRANSITIONS.items():
        pairs = list(moves_on(move))
        for source, target in pairs:
            everywhere = all((other, target) in pairs for other in OPEN)
            labels = found.setdefault(("open" if everywhere else source.value, target.value), [])
            labels += [verb.value] if verb.value not in labels else []
    return found


def diagram(*first: str, ends: bool) -> str:
    drawn = [(places, labels) for places, labels in arrows().items() if (places[0] == "open") == ends]
    lines = [f"{source} --> {target}: {', '.join(labels)}" for (source, target), labels in drawn]
    return "\n    ".join(["stateDiagram-v2", *first, *lines])


def named(statuses: frozenset[Status]) -> str:
    rest = [status.value for status in Status if status in statuses and not (statuses >= OPEN and status in OPEN)]
    return ", ".join((["open"] if statuses >= OPEN else []) + rest)


def row(verb: str, move: Move) -> str:
    who = ", ".join(part.value for part in Who if part in move.who)
    return f"| `{verb}` | {named(move.sources)} | {named(move.targets)} | {who} |"


def page() -> str:
    return TEXT.format(
        source=Move.__module__.replace(".", "/") + ".py",
        test="tests/test_transitions_page.py",
        way=diagram("[*] --> new: open_ticket", ends=False),
        ends=diagram("direction LR", ends=True),
        rows="\n".join(row(verb.value, move) for verb, move in TRANSITIONS.items()),
    )


def test_the_page_shows_the_table_of_moves() -> None:
    if os.environ.get("UPDATE_TRANSITIONS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


def test_every_status_is_reached_and_every_open_one_left() -> None:
    drawn = arrows()
    assert {target for _source, target in drawn} == {status.value for status in Status} - {"new"}
    assert {source for source, _target in drawn} == {status.value for status in OPEN} | {"open"}
