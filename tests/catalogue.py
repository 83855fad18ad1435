"""Catalogues of translations (.po, .mo) and the texts in the source, read without gettext's tools."""

import ast
import gettext
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from django.utils.translation.template import templatize

from tests.example import ROOT

ROOMS = ("accounts", "audit", "recoverydesk", "tokens")
STAFF_READ_ENGLISH = (
    "*/admin*.py",
    "*/management/*",
    "audit/models.py",
    "audit/searching.py",
    "audit/staff_sentences.py",
    "recoverydesk/projects/documents.py",
    "recoverydesk/projects/importing*.py",
    "recoverydesk/projects/progress.py",
    "recoverydesk/projects/published.py",
    "recoverydesk/projects/reading.py",
    "recoverydesk/projects/releases.py",
    "recoverydesk/recovery/codehosts.py",
    "recoverydesk/recovery/dashboard.py",
    "recoverydesk/recovery/desk*.py",
    "recoverydesk/recovery/drift.py",
    "recoverydesk/recovery/facts.py",
    "recoverydesk/recovery/held_roles_page.py",
    "recoverydesk/recovery/queue.py",
    "recoverydesk/recovery/replies.py",
    "recoverydesk/recovery/settings_page.py",
    "recoverydesk/recovery/spreadsheet.py",
    "recoverydesk/statistics/*",
    "templates/admin/*",
)
LINE = re.compile(r'(?:(msgid|msgid_plural|msgstr(?:\[\d\])?) )?(".*")')
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
TEXT = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
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


def texts_for_users() -> dict[str, str]:
    """Every msgid outside the rooms only staff read, and a file it stands in."""
    found: dict[str, str] = {}
    for path in sorted([*(ROOT / "templates").rglob("*.*"), *(file for room in ROOMS for file in source(room))]):
        name = str(path.relative_to(ROOT))
        if not any(fnmatch(name, pattern) for pattern in STAFF_READ_ENGLISH):
            found |= dict.fromkeys(texts_in(path), name)
    return found


def source(room: str) -> Iterator[Path]:
    """The Python files of a room."""
    return (ROOT / room).rglob("*.py")


def texts_in(path: Path) -> list[str]:
    """The msgids of one file."""
    return _texts_of_python(path) if path.suffix == ".py" else _texts_of_template(path)


def _texts_of_python(path: Path) -> list[str]:
    """Calls by name only: `cls.gettext(...)` is nobody's habit here."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and node.args)
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in CALLS]
    return [text.value for text in named if isinstance(text, ast.Constant) and isinstance(text.value, str)]


def _texts_of_template(path: Path) -> list[str]:
    return [ast.literal_eval(call[1]) for call in CALL_IN_TEMPLATE.finditer(templatize(path.read_text()))]
