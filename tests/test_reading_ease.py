"""What claimants read is easy to read (docs/voice.md): every mail and page of a recovery, and the words put into them.

Flesch's reading ease goes from 0 to about 120; 60 is plain English, which a pupil of 13 understands. Buttons and
headings are not measured: their few words would make any text look easy.
"""

import re
from pathlib import Path

import pytest
import textstat

from recoverydesk.recovery import wording
from tests.helpers.catalogue import texts_in
from tests.helpers.files import ROOT

EASE = 60
LONGEST = 36  # words in a sentence
TEMPLATES = ROOT / "templates"
FOR_STAFF = {"emails/recovery_mention/body.txt"}
NO_PROSE = 5  # words; less is a button, a heading or a label
PARTIALS = sorted((TEMPLATES / "emails").glob("_*.txt"))
MAILS = sorted((TEMPLATES / "emails").glob("recovery_*/body.txt"))
BODIES = sorted((TEMPLATES / "emails").glob("*/body.txt"))
SMALL = re.compile(r"^(?:\{%[^%]*%\})*\{% blocktranslate[^%]*%\}\n([a-z].*)", re.MULTILINE)
PAGES = sorted((TEMPLATES / "recovery").glob("*.html"))
NAMES = {str(path.relative_to(TEMPLATES)): path for path in [*PARTIALS, *MAILS, *PAGES]}
READ = sorted(NAMES.keys() - FOR_STAFF)
TABLES = {"VERDICTS": wording.VERDICTS}
SPOKEN = [(r"%\((?:done|total|days|minutes|more|number|place|usual)\)s", "7"), (r"%\(\w+\)s", "ada"), (r"<[^>]+>", "")]


def prose(texts: list[str]) -> str:
    """The sentences among these texts, with something in every gap."""
    said = []
    for text in texts:
        for pattern, words in SPOKEN:
            text = re.sub(pattern, words, text)
        text = " ".join(text.split())
        if len(text.split()) > NO_PROSE:
            said.append(text if text[-1] in ".!?" else text.rstrip(":,;") + ".")
    return " ".join(said)


def too_hard(text: str) -> list[str]:
    """What keeps a text from being easy: the figure of the whole, and sentences that are too long."""
    if not text:
        return []
    ease = textstat.flesch_reading_ease(text)
    long = [one for one in re.split(r"(?<=[.!?])\s", text) if len(one.split()) > LONGEST]
    return ([f"{ease:.0f}"] if ease < EASE else []) + long


def test_the_walk_finds_the_claimants_texts() -> None:
    """Else nothing below would be measured."""
    assert {"recovery/status.html", "emails/recovery_challenge/body.txt", "emails/_stop.txt"} <= set(READ)
    assert sum(bool(prose(texts_in(NAMES[name]))) for name in READ) > 40


@pytest.mark.parametrize("name", READ)
def test_every_mail_and_page_of_a_recovery_is_easy_to_read(name: str) -> None:
    assert too_hard(prose(texts_in(NAMES[name]))) == []


@pytest.mark.parametrize("path", BODIES, ids=[path.parent.name for path in BODIES])
def test_every_sentence_of_a_mail_begins_with_a_capital_letter(path: Path) -> None:
    """After "Hello ada," too: a paragraph is no half of a sentence."""
    assert SMALL.findall(path.read_text()) == []


@pytest.mark.parametrize("table", TABLES)
def test_what_is_put_into_them_is_easy_to_read(table: str) -> None:
    assert too_hard(prose([str(text) for text in TABLES[table].values()])) == []


@pytest.mark.parametrize(
    "hard",
    [
        "Verification of the aforementioned repositories constitutes a prerequisite of authorisation of the request.",
        "We wait and " + "then we look and " * 12 + "then we stop.",
    ],
)
def test_what_is_hard_to_read_is_found(hard: str) -> None:
    assert too_hard(prose([hard])) != []
