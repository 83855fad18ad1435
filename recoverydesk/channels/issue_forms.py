"""Reads a filled-in issue form: which account, what is lost. One answer or a problem to ask about, never a guess.

The text alone is looked at, so that what is answered tells nobody which accounts there are (design rule 10). Headings
are the only handle: `### <label>`, an empty line, the value, as trackers write forms; `##` and a template with comments
before that. A reader of the issue sees no HTML comment, so it counts for nothing; a code block is a sample. Whatever
else stands in the place of a name is a problem, for example two names, or a second heading with another one.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from markdown_it import MarkdownIt

from accounts import typed_names
from recoverydesk.channels import issue_words

LONGEST = 65_536  # characters; no tracker takes more in one text
BLOCKS = MarkdownIt("commonmark").disable(["inline", "reference", "lheading"])  # a rule below a name is no heading


class Problem(StrEnum):
    """What has to be asked before a form is a request."""

    NO_FORM = "no_form"
    NO_NAME = "no_name"
    TWO_NAMES = "two_names"
    CLAIM_UNCLEAR = "claim_unclear"
    NEEDS_ADDRESS = "needs_address"
    HAS_CODES = "has_codes"
    TOO_LONG = "too_long"


@dataclass(frozen=True)
class Reading:
    """What a form says: a name as `typed_names.read` returns it, a claim as the public form has it; "" for unclear.

    `has_recovery_codes` is None where the form did not ask, or nobody answered.
    """

    username: str
    claim: str
    has_recovery_codes: bool | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Section:
    """A heading and the paragraphs below it, without comments and code blocks."""

    label: str
    lines: tuple[str, ...]


def read(body: str) -> Reading:
    """What this form says. Linear in the length of the body; raises nothing."""
    if len(body) > LONGEST:
        return Reading("", "", None, (Problem.TOO_LONG,))
    sections = _sections(body)
    names = [one for one in sections if _is_about(one.label, issue_words.NAME)]
    username, unnamed = _name(names)
    said = " ".join(line for one in sections if _is_about(one.label, issue_words.REASON) for line in one.lines)
    ticked = [line for one in sections if _is_about(one.label, issue_words.CODES) for line in one.lines]
    codes = _codes(ticked)
    claim, unclear = _claim(f"{said} {' '.join(map(_ticked, ticked))}".casefold(), codes)
    return Reading(username, claim, codes, tuple(one for one in (unnamed, unclear) if one))


def _sections(body: str) -> list[Section]:
    """The form cut at its headings; what stands before the first one has the label ""."""
    label, lines, found = "", list[str](), list[Section]()
    tokens = BLOCKS.parse(body)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type != "inline":
            continue
        if before is not None and before.type == "heading_open" and before.level == 0:
            found.append(Section(label, tuple(lines)))
            label, lines = _label(token.content), []
        else:
            lines += _seen(token.content)
    return [*found, Section(label, tuple(lines))]


def _label(heading: str) -> str:
    text = unicodedata.normalize("NFKC", _without_comments(heading)).casefold()
    return " ".join(text.strip(" \t*_:#`?!.").split())


def _is_about(label: str, words: frozenset[str]) -> bool:
    """Whether a heading is one of these, before it perhaps the name of the site."""
    if label in words:
        return True
    sites = (*issue_words.SITES, settings.SITE_NAME.casefold())
    return any(label.startswith(f"{site} ") and label.removeprefix(f"{site} ") in words for site in sites)


def _seen(text: str) -> list[str]:
    """The lines a reader sees of a paragraph."""
    plain = html.unescape(_without_comments(text))
    return [line.strip() for line in plain.splitlines() if line.strip()]


def _without_comments(text: str) -> str:
    """Comments cut out; one without an end is shown to readers, so it stays."""
    kept, place = [], 0
    while (begin := text.find("<!--", place)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        kept.append(text[place:begin])
        place = end + 3
    return " ".join([*kept, text[place:]])


def _name(sections: list[Section]) -> tuple[str, Problem | None]:
    """The one name that every line of each of these sections is; a second heading may not fill in for the first."""
    if not sections:
        return "", Problem.NO_FORM
    names = {name.lower(): name for one in sections for name in map(_name_in, one.lines or ("",))}
    if len(names) > 1:
        return "", Problem.TWO_NAMES
    (name,) = names.values()
    return (name, None) if name else ("", Problem.NO_NAME)


LEAD_IN = re.compile(r"(?:my |the |your )?(?:user ?name|user|login|account(?: name)?|name)(?: is\b|:| =|:? -) ?", re.I)
LINK = re.compile(r"\[([^\[\]]{1,100})\]\(([^()\s]{1,400})\)")
ESCAPED = re.compile(r"\\([-_.*`@~])")


def _name_in(line: str) -> str:
    """The name a line consists of; "" for any other line."""
    if len(line) > typed_names.LONGEST:
        return ""
    text = ESCAPED.sub(r"\1", line)
    if link := LINK.fullmatch(text):
        shown, target = _read(link[1]), _read(link[2])
        return shown if shown.lower() == target.lower() else ""
    lead_in = LEAD_IN.match(text)
    return _read(text[lead_in.end() :] if lead_in else text)


def _read(text: str) -> str:
    try:
        name = typed_names.read(text)
    except typed_names.NoName:
        return ""
    return "" if name.lower() in issue_words.NO_NAMES else name


def _claim(said: str, codes: bool | None) -> tuple[str, Problem | None]:
    """What is lost. An address cannot be asked for in public, and whoever speaks of both may still have one of them."""
    factor, mail = (bool(words.search(said)) for words in (issue_words.FACTOR, issue_words.MAIL))
    if factor == mail or issue_words.STILL_THERE.search(said):
        return "", Problem.CLAIM_UNCLEAR
    if mail:
        return "email", Problem.NEEDS_ADDRESS
    return "second_factor", Problem.HAS_CODES if codes else None


TICKED = re.compile(r"\[[xX]\] ?")


def _ticked(line: str) -> str:
    return line if TICKED.match(line) else ""


def _codes(lines: list[str]) -> bool | None:
    """What a ticked box, or a plain line, says of the recovery codes."""
    said = {_has_codes(line.casefold()) for line in lines if TICKED.match(line) or not line.startswith("[")}
    return said.pop() if len(said) == 1 else None


def _has_codes(line: str) -> bool | None:
    if issue_words.CODES_LOST.search(line):
        return False
    return True if issue_words.CODES_THERE.search(line) else None
