"""An export, the outsider's check of it, and people who change the file. Line by line: `Lines` have no line ends."""

import contextlib
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from audit.chain import export, signing
from tests.helpers.files import ROOT

VERIFIER = ROOT / "docs" / "verify_export.py"
Lines = list[str]
Verdict = tuple[int, list[str]]


def own_key() -> str:
    return signing.public_text(signing.public_key())


def judged(path: Path, *arguments: str) -> Verdict:
    """What the stand-alone verifier says, in a process that knows nothing of us."""
    command = [sys.executable, "-I", str(VERIFIER), str(path), *(arguments or [own_key()])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("verify_export", VERIFIER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_verifier = _loaded()


def judged_here(path: Path, *more: str) -> Verdict:
    """The same in this process, for thousands of files."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = _verifier.main([str(path), own_key(), *more])
    return code, said.getvalue().splitlines()


def signed_anew(lines: Lines) -> Lines:
    """The lines with an end that fits them: what the site itself, which has the key, could hand out."""
    body = [line for line in lines if '"type": "end"' not in line[:20]]
    head = json.loads([line for line in body if line.startswith('{"type": "seal"')][-1])
    number, last = head["number"], _verifier.seal_hash(head)
    sha256 = hashlib.sha256("".join(f"{line}\n" for line in body).encode("ascii", "replace")).hexdigest()
    signature = signing.sign(export.end_text(number, last, sha256))
    end = {"type": "end", "seal": number, "hash": last, "sha256": sha256, "signature": signature}
    return [*body, json.dumps(end)]


# Every way to change one line of a good file ------------------------------------------------------------------------

OTHER: dict[type, list[Any]] = {
    str: ["", "x", 1, None],
    int: [-1, 10**9, 1.5, "1", True, None],
    bool: ["toggle", 0, None],
    list: [[], [1], {}, None],
    dict: [{}, {"a": 1}, [], None],
    type(None): [0, "", "x", {}],
}


def values(row: dict[str, Any], *, ordered: bool = True) -> Iterator[dict[str, Any]]:
    """The row with one field changed, in every way and every field; in another order where the order says something."""
    for name, value in row.items():
        for other in OTHER[type(value)]:
            changed = (not value) if other == "toggle" else other
            if changed != value or type(changed) is not type(value):
                yield {**row, name: changed}
        if isinstance(value, str) and value.swapcase() != value:
            yield {**row, name: value.swapcase()}
        if isinstance(value, dict) and value:
            yield from ({**row, name: inner} for inner in values(value, ordered=name != "data"))
        yield {key: kept for key, kept in row.items() if key != name}
        yield {key if key != name else f"{name}_": kept for key, kept in row.items()}
    yield {**row, "unknown": 1}
    if ordered:
        yield dict(reversed(row.items()))


def spellings(line: str) -> Iterator[str]:
    """The same line otherwise written, and no line at all."""
    first, value = next(iter(json.loads(line).items()))
    yield f'{{"{first}": "x", {line[1:]}'
    yield f'{line[:-1]}, "{first}": {json.dumps(value)}}}'
    yield line.replace(": ", ":", 1)
    yield line + " "
    yield line + "\r"
    yield line.replace('"type"', '"\\u0074ype"', 1)
    yield "\ufeff" + line
    yield line[: len(line) // 2]
    yield from ("", "null", "[]", "{}", '{"type": "note"}', "[" * 100_000, "1" * 5000, "\udc80")


def mutations(lines: Lines, place: int) -> Iterator[Lines]:
    """Every file that differs from a good one at one line: changed, gone, twice, elsewhere."""
    before, line, after = lines[:place], lines[place], lines[place + 1 :]
    for row in values(json.loads(line)):
        yield [*before, json.dumps(row), *after]
    for text in spellings(line):
        yield [*before, text, *after]
    yield [*before, *after]
    yield [*before, line, line, *after]
    yield [line, *lines]
    yield [*lines, line]
    if after:
        yield [*before, after[0], line, *after[1:]]


def refused(lines: Lines, path: Path, judge: Callable[[Path], Verdict] = judged_here) -> bool:
    """Whether the verifier refuses a file of these lines, with a sentence."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    code, said = judge(path)
    return code == 3 and bool(said)
