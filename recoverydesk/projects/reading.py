"""Reads JSON from strangers' files: one document, or one per line, each bounded and none trusted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from django.utils.translation import gettext as _

LARGEST_DOCUMENT = 64 * 2**20
LINE_SUFFIXES = {".jsonl", ".ndjson"}


class DocumentRefused(Exception):
    """This document cannot be taken; the message says why."""


@dataclass(frozen=True)
class Item:
    """One document or what is wrong with it. `line` counts from 1 and is None for a whole file; `size` is in bytes."""

    line: int | None
    size: int
    value: Any = None
    problem: str = ""


def documents(path: Path) -> Iterator[Item]:
    """Yield the documents of a file, or of each of its lines when it holds JSON lines. Raises OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if path.suffix.lower() in LINE_SUFFIXES or size > LARGEST_DOCUMENT:
            yield from lines(file)
            return
        whole = _item(None, file.read(LARGEST_DOCUMENT + 1))
        file.seek(0)
        several = list(lines(file)) if whole.problem else []
    yield from several if any(isinstance(item.value, dict) for item in several) else [whole]


def lines(file: BinaryIO) -> Iterator[Item]:
    """Yield one item per line that is not blank; a line longer than the limit is read past, never kept."""
    number = 0
    while part := file.readline(LARGEST_DOCUMENT + 1):
        number += 1
        line, size = part, len(part)
        while len(part) > LARGEST_DOCUMENT and not part.endswith(b"\n"):
            part = file.readline(LARGEST_DOCUMENT + 1)
            size += len(part)
        if size > len(line):
            yield Item(number, size, problem=_too_large())
        elif line.strip():
            yield _item(number, line)


def _item(number: int | None, data: bytes) -> Item:
    try:
        return Item(number, len(data), value=loads(data))
    except DocumentRefused as error:
        return Item(number, len(data), problem=str(error))


def loads(data: bytes) -> Any:
    """Parse one JSON document strictly: bounded, no key twice, no NaN. Raises DocumentRefused."""
    if len(data) > LARGEST_DOCUMENT:
        raise DocumentRefused(_too_large())
    try:
        return json.loads(data, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except RecursionError:
        raise DocumentRefused(_("nested too deeply")) from None
    except ValueError as error:
        raise DocumentRefused(_("not JSON: %(error)s") % {"error": error}) from None


def _too_large() -> str:
    return _("larger than 64 MiB")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _value in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DocumentRefused(_("the key %(key)r appears twice") % {"key": twice[:100]})
    return found


def _no_constant(name: str) -> NoReturn:
    raise DocumentRefused(_("%(name)s is not a JSON number") % {"name": name})
