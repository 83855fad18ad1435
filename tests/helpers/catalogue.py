"""Catalogues of translations (.po, .mo), the texts in the source and on a page, read without gettext's tools."""

import ast
import gettext
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from django.utils.translation.template import templatize

from tests.helpers.files import ROOT

ROOMS = ("accounts", "audit", "common", "recoverydesk", "tokens")
LINE = re.compile(r'(?:(msgid|msgid_plural|msgstr(?:\[\d\])?) )?(".*")')
CALLS = {"gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
TEXT = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
PLACE_OR_TAG = re.compile(r"%\(\w+\)[a-z]|%[a-z]|<[^>]+>")
SPOKEN = {"alt", "aria-label", "placeholder", "title"}
CALL_IN_TEMPLATE = re.compile(rf"(?:\bn?gettext|\b_)\(({TEXT})(?:, ({TEXT}))?")


@dataclass
class Entry:
    """One text of a .po file: one msgstr, or one for each plural form."""

    msgid: str = ""
    plural: str = ""
    texts: list[str] = field(default_factory=list)
    fuzzy: bool = False


def read_po(path: Path) -> dict[str, Entry]:
    """The entries by msgid; "" is the header. Raises ValueError for a line or a repeated msgid this cannot read."""
    found: dict[str, Entry] = {}
    for block in path.read_text().strip().split("\n\n"):
        entry = _entry(block)
        if entry.msgid in found:
            raise ValueError(f"twice: {entry.msgid}")
        found[entry.msgid] = entry
    return found


def _entry(block: str) -> Entry:
    entry, words = Entry(), dict[str, str]()
    name = ""
    for line in block.splitlines():
        if line.startswith("#"):
            entry.fuzzy |= line.startswith("#,") and "fuzzy" in line
            continue
        read = LINE.fullmatch(line)
        if read is None:
            raise ValueError(line)
        name = read[1] or name
        words[name] = words.get(name, "") + ast.literal_eval(read[2])
    entry.msgid, entry.plural = words.pop("msgid"), words.pop("msgid_plural", "")
    entry.texts = list(words.values())
    return entry


def read_mo(path: Path) -> tuple[gettext.GNUTranslations, int]:
    """The compiled catalogue, and how many entries its header counts."""
    raw = path.read_bytes()
    with path.open("rb") as file:
        return gettext.GNUTranslations(file), int(struct.unpack_from("<I" if raw[0] == 0xDE else ">I", raw, 8)[0])


def texts_of_the_program() -> dict[str, str]:
    """Every msgid of templates and code, and a file it stands in."""
    found: dict[str, str] = {}
    for path in sorted([*(ROOT / "templates").rglob("*.*"), *(file for room in ROOMS for file in source(room))]):
        found |= dict.fromkeys(texts_in(path), str(path.relative_to(ROOT)))
    return found


def source(room: str) -> Iterator[Path]:
    """The Python files of a room."""
    return (ROOT / room).rglob("*.py")


def texts_in(path: Path) -> list[str]:
    """The msgids of one file."""
    return _texts_of_python(path) if path.suffix == ".py" else _texts_of_template(path)


def _texts_of_python(path: Path) -> list[str]:
    """Calls by name only, whatever the import calls it: `cls.gettext(...)` is nobody's habit here."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imported = [name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names]
    names = {name.asname or name.name for name in imported if name.name in CALLS}
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
    texts = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in names]
    return [text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)]


def _texts_of_template(path: Path) -> list[str]:
    return [ast.literal_eval(call[1]) for call in CALL_IN_TEMPLATE.finditer(templatize(path.read_text()))]


class _Words(HTMLParser):
    """Collects what a reader or a screen reader is told, and what buttons say."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style"}
        said = SPOKEN | {"value"} if ("type", "submit") in attrs else SPOKEN
        self.words += [value for name, value in attrs if name in said and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def words_on(page: str) -> str:
    """What a page of HTML says, blanks made single."""
    reader = _Words()
    reader.feed(page)
    return " ".join(" ".join(reader.words).split())


def says(words: str, msgid: str) -> bool:
    """Whether these words hold this text, with whatever in its placeholders; a text without a word is never held."""
    pieces = [re.escape(" ".join(piece.split())) for piece in PLACE_OR_TAG.split(msgid)]
    if not re.search(r"[a-z]{2}", "".join(pieces)):
        return False
    return re.search(r"(?<!\w)" + ".{0,80}?".join(pieces) + r"(?!\w)", words) is not None
