"""What docstrings, pages and papers refer to is there: rules, decisions, threats, headings, links, files; and words."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.files import ROOT, names, tracked_files

THIS = Path(__file__).resolve()
DOCS = ROOT / "docs"
FILES = tracked_files()
TEXTS = [path for path in FILES if path.suffix in {".py", ".md", ".html"} and path != THIS]
PAPERS = [path for path in TEXTS if path.suffix == ".md"]
TRACKED = set(names(FILES))
TOP = {name.split("/")[0] for name in TRACKED}
FOLDERS = {str(parent) for name in TRACKED for parent in Path(name).parents}
HISTORY = {"CHANGELOG.md"}  # tells of files by the names they had

NUMBERS = r"((?:T?\d+)(?:(?:, | and | to |–)T?\d+)*)"
RULES = re.compile(rf"\b[Rr]ules? {NUMBERS}\b")
DECISIONS = re.compile(rf"\bADRs? {NUMBERS}\b|\badr/(\d+)")
THREATS = re.compile(r"\b(T\d\d?(?:(?:, | and | to |–)T\d\d?)*)\b(?=[ ,.;|)]|$)")
SECTIONS = re.compile(r"\b[Ss]ections? (?=[\d§])")
OUTSIDE = re.compile(r"(?:RFC \d+|NIST SP [\w-]+|WebAuthn (?:L|Level )\d|PEP \d+)[, (]*$")
STRANGERS = re.compile(r"#\d+ steps? \d|\bpypi/\w+ #\d+|\bthe design's\b|\bdesign (?:section|table)|\(design[,:)]")
HEADED = re.compile(r'docs/([\w./-]+\.md), "([^"]+)"')
PLACE = re.compile(r"(?<![\w/.-])[a-z_]+/[\w/.-]*\.(?:py|md|html|tsv)\b")
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(?:```.*?^```|(?: {4}[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
TICKED = re.compile(r"`([^`\n]+)`")
ROOMS = ("recoverydesk", "accounts", "tokens", "audit", "common")


# What a reference names -----------------------------------------------------------------------------------------------


def found_in(paths: list[Path], look: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """What is wrong in each of these files; those without anything are left out."""
    found = {str(path.relative_to(ROOT)): look(path.read_text()) for path in paths}
    return {name: wrong for name, wrong in found.items() if wrong}


def one_line(text: str) -> str:
    """White space and the signs of comments that a line break brings become one space."""
    return re.sub(r"\s*\n[ \t]*#?[ \t]*", " ", text)


def numbers(text: str) -> list[int]:
    """ "3 and 4" is [3, 4], "T9–T11" is [9, 10, 11]."""
    found: list[int] = []
    for word, number in re.findall(r"(–|to |)T?(\d+)", text):
        found += range(found[-1] + 1, int(number)) if word and found else []
        found.append(int(number))
    return found


def slug(heading: str) -> str:
    """The anchor a code host makes of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@cache
def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text()), re.MULTILINE)


@cache
def known_rules() -> frozenset[int]:
    return frozenset(int(number) for number in re.findall(r"Rule (\d+):", "\n".join(headings(DOCS / "design.md"))))


@cache
def known_decisions() -> frozenset[int]:
    return frozenset(int(path.name[:4]) for path in (DOCS / "adr").glob("[0-9]*.md"))


@cache
def known_threats() -> frozenset[int]:
    cells = re.findall(r"^\| (T\d+(?:(?:, |–)T\d+)*) ", (DOCS / "risk-analysis.md").read_text(), re.MULTILINE)
    return frozenset(number for cell in cells for number in numbers(cell))


def broken_references(text: str) -> list[str]:
    text = one_line(text)
    asked = ((RULES, known_rules()), (DECISIONS, known_decisions()), (THREATS, known_threats()))
    broken = [
        found.group()
        for pattern, known in asked
        for found in pattern.finditer(text)
        if not set(numbers("".join(group or "" for group in found.groups()))) <= known
    ]
    broken += [text[found.start() : found.end() + 4] for found in SECTIONS.finditer(text) if not outside(text, found)]
    broken += [found.group() for found in STRANGERS.finditer(text)]
    return broken + [f"{name}, {head}" for name, head in HEADED.findall(text) if not is_heading(DOCS / name, head)]


def outside(text: str, found: re.Match[str]) -> bool:
    """A section of a standard, not of ours."""
    return OUTSIDE.search(text[: found.start()]) is not None


def is_heading(path: Path, heading: str) -> bool:
    return path.is_file() and heading in headings(path)


def test_every_rule_decision_threat_and_section_that_is_named_exists() -> None:
    assert found_in(TEXTS, broken_references) == {}


@pytest.mark.parametrize(
    "planted",
    [
        "design rule 99", "Rules 3 and 40", "ADR 9999", "docs/adr/9998", "threat T99", "(T1 to T97)", "section 4 says",
        "#796 step 4", "(design, Audit)", "the design's table", 'docs/design.md, "No such heading"',
        "rules 3\n# and 99",
    ],
)  # fmt: skip
def test_a_broken_reference_would_be_seen(planted: str) -> None:
    assert broken_references(planted) != []


@pytest.mark.parametrize(
    "sound", ["design rules 3 and 4", "ADR 72", "threats T1 to T20 and T28", "RFC 9110 section 10"]
)
def test_a_sound_reference_is_left_alone(sound: str) -> None:
    assert broken_references(sound) == []


def test_every_threat_but_the_databases_own_is_played_by_a_test_of_its_name() -> None:
    played = "".join(path.read_text() for path in (ROOT / "tests" / "attacks").glob("test_*.py"))
    tests = set(map(int, re.findall(r"_t(\d+)(?=_)", "\n".join(re.findall(r"def (test_\w+)", played)))))
    assert known_threats() - tests == {27}  # tests/audit/chain/test_verifying.py


# Links and files ------------------------------------------------------------------------------------------------------


def broken_links(path: Path, text: str) -> list[str]:
    targets = LINK.findall(TICKED.sub("", FENCE.sub("", text)))
    return [target for target in targets if "://" not in target and not leads_somewhere(path, target)]


def leads_somewhere(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    there = (path.parent / name).resolve() if name else path
    if str(there.relative_to(ROOT)) not in TRACKED | FOLDERS:
        return False
    return not anchor or anchor in map(slug, headings(there))


def test_every_link_of_a_paper_leads_somewhere() -> None:
    broken = {path: broken_links(path, path.read_text()) for path in PAPERS}
    assert {path.name: targets for path, targets in broken.items() if targets} == {}


@pytest.mark.parametrize("planted", ["no_such.md", "docs/audit.md#no-such-heading", "#no-such-heading", "docs/no/"])
def test_a_link_that_leads_nowhere_would_be_seen(planted: str) -> None:
    assert broken_links(ROOT / "README.md", f"[a link]({planted})") == [planted]


@cache
def is_there(name: str) -> bool:
    """A path of the repository, whole or from a folder within; `*` and `<…>` stand for any name."""
    pattern = re.compile(r"(?:.*/)?" + re.sub(r"\\\*|<.*?>", "[^/]+", re.escape(name).rstrip("/")))
    return any(pattern.fullmatch(one) for one in TRACKED | FOLDERS)


def looks_like_a_path(text: str) -> bool:
    """`tests/attacks/`, `policy.py`, `recovery/policy.py`; not an address, an option, or what the program writes."""
    if not re.fullmatch(r"[\w.][\w./*<>-]*", text) or text.startswith("manage.py "):
        return False
    first, rest = text.split("/")[0], text.strip("/").count("/")
    if first in TOP and "/" in text or rest and text.endswith("/") and first in {Path(name).name for name in FOLDERS}:
        return True
    return bool(re.search(r"\w\.(?:py|md|html|tsv|css|js|po|mo|toml)$", text))


def is_named(dotted: str) -> bool:
    """`audit.log.record`, `accounts.Session.session_key`: the first name below the modules is made there."""
    parts, place = dotted.split("."), Path()
    while parts and (str(place / parts[0]) in FOLDERS or f"{place / parts[0]}.py" in TRACKED):
        place /= parts.pop(0)
    below = [
        name for name in TRACKED if name == f"{place}.py" or (name.startswith(f"{place}/") and name.endswith(".py"))
    ]
    made = re.compile(rf"^\s*(?:class |(?:async )?def )?{parts[0]}\b", re.MULTILINE) if parts else None
    return made is None or any(made.search((ROOT / name).read_text()) for name in below)


def broken_paths(text: str) -> list[str]:
    ticked = TICKED.findall(FENCE.sub("", text))
    broken = [text for text in ticked if looks_like_a_path(text) and not is_there(text)]
    dotted = [text for text in ticked if re.fullmatch(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+", text)]
    return broken + [text for text in dotted if not is_there(text) and not is_named(text)]


LIVING = [path for path in PAPERS if str(path.relative_to(ROOT)) not in HISTORY]


def test_every_file_a_paper_names_exists() -> None:
    assert found_in(LIVING, broken_paths) == {}


@pytest.mark.parametrize("planted", ["tests/no_such.py", "no_such.py", "audit/no_such/", "audit.log.no_such"])
def test_a_file_that_is_not_there_would_be_seen(planted: str) -> None:
    assert broken_paths(f"See `{planted}`.") == [planted]


@pytest.mark.parametrize(
    "there", ["tests/helpers/factories.py", "attacks/mail_posts.py", "audit/", "audit.log.record", "VAR_DIR/x"]
)
def test_a_file_that_is_there_is_found(there: str) -> None:
    assert broken_paths(f"See `{there}`.") == []


OTHERS = [
    path
    for path in FILES
    if path.suffix in {"", ".py", ".html", ".toml", ".example"} and path not in {THIS, ROOT / "LICENSE"}
]


def broken_places(text: str) -> list[str]:
    return [name for name in PLACE.findall(text) if name.split("/")[0] in TOP and not is_there(name)]


def test_every_file_that_code_names_with_its_folder_exists() -> None:
    """In docstrings, comments, strings, settings, the Makefile."""
    assert found_in(OTHERS, broken_places) == {}


def rooms() -> list[str]:
    """Every package at the top, in `recoverydesk/` and in the room of tickets; what Django looks for is no room."""
    for_django = {"management", "migrations", "templatetags"}
    packages = [str(Path(name).parent) for name in TRACKED if name.endswith("/__init__.py")]
    around = {"recoverydesk", "recoverydesk/recovery"}
    inside = [name for name in packages if str(Path(name).parent) in around and Path(name).name not in for_django]
    return sorted({*ROOMS, *inside} - around)


@pytest.mark.parametrize("room", rooms())
def test_the_map_and_the_drawing_show_every_room(room: str) -> None:
    assert f"`{room}/`" in (ROOT / "README.md").read_text()
    assert re.search(rf"\b{Path(room).name}/", (DOCS / "architecture.md").read_text())


# Decisions ------------------------------------------------------------------------------------------------------------

RECORDS = sorted((DOCS / "adr").glob("[0-9]*.md"))


def title_of(record: Path) -> str:
    return headings(record)[0].removeprefix(f"{record.name[:4]} ")


@pytest.mark.parametrize("record", RECORDS, ids=names(RECORDS))
def test_a_decision_says_its_number_the_rule_and_why(record: Path) -> None:
    text = record.read_text()
    parts = re.findall(r"^\*\*(.+?)\*\*", text, re.MULTILINE)
    assert re.match(rf"# {record.name[:4]} \S.*\n\n\*\*Rule\.\*\* ", text)
    assert "Why." in parts
    assert not {"The road not taken.", "The roads not taken."} & set(parts)


def test_the_index_lists_every_decision_once_under_its_title() -> None:
    lines = re.findall(r"^\| (\d{4}) \| \[(.+)\]\((.+?)\) \|", (DOCS / "adr" / "README.md").read_text(), re.MULTILINE)
    assert sorted(lines) == [(record.name[:4], title_of(record), record.name) for record in RECORDS]


def test_no_number_stands_for_two_decisions() -> None:
    assert len({record.name[:4] for record in RECORDS}) == len(RECORDS)


# Words ----------------------------------------------------------------------------------------------------------------


def banned_words() -> set[str]:
    table = (DOCS / "glossary.md").read_text().split("## Words we do not use")[1]
    cells = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
    return {word for cell in cells for word in TICKED.findall(cell)}


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def names_given(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives to a class, a function, an argument, a variable or an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def all_names() -> set[str]:
    found: set[str] = set()
    for path in FILES:
        name = path.relative_to(ROOT)
        if path.suffix == ".py" and name.parts[0] in ROOMS and "migrations" not in name.parts:
            found |= {*name.with_suffix("").parts, *names_given(ast.parse(path.read_text()))}
    return found


def test_no_name_says_a_word_we_do_not_use() -> None:
    banned = banned_words()
    said = {name for name in all_names() if words_of(name) & banned}
    assert {"press", "near", "promise"} <= banned
    assert said == set(), "docs/glossary.md has the word to use instead"


@pytest.mark.parametrize("planted", ["press", "check_presser", "IsNear", "ERRANDS", "_said_no_lately"])
def test_a_word_we_do_not_use_would_be_seen(planted: str) -> None:
    tree = ast.parse(f"def {planted}(): pass")
    assert any(words_of(name) & banned_words() for name in names_given(tree))
