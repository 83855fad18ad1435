"""Rules of the house that no other tool checks."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from django.template.loader import get_template

from tests.example import ROOT, names_in_example

ROOMS = ("recoverydesk", "accounts", "tokens", "audit", "common")
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
COMMENT = re.compile(r"{#.*?#}|{% comment.*?endcomment %}|<!--.*?-->", re.DOTALL)
TRANSLATED = re.compile(r"{% blocktrans(?:late)?\b.*?{% endblocktrans(?:late)? %}", re.DOTALL)
NO_WORDS = re.compile(
    r"<(code|pre|kbd)\b.*?</\1>|{% block bodyclass %}.*?{% endblock %}|{%.*?%}|{{.*?}}|&\w+;", re.DOTALL
)
LONGEST_LINE = 160
SPOKEN_ATTRIBUTE = re.compile(r'\b(?:title|aria-label|placeholder|alt)="([^"]*)"')
NAMES_AND_MACHINE_TEXT = {
    "admin/statistics.html": "JSON",
    "emails/recovery_challenge/body.txt": "commands to copy",
    "tokens/made.html": "names of clients",
    "upload/simple_project.html": "read by installers",
    "upload/simple_root.html": "read by installers",
}
INLINE = {
    "a script with a body": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[a-z][^>]*\sstyle\s*=", re.IGNORECASE),
    "an event attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
}


LATE = {  # imports inside functions: where Django asks for them, and where Django is not ready yet
    "accounts/models.py: get_session_store_class",
    "accounts/sessions.py: get_model_class",
    "recoverydesk/celery.py: check_keys",
}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_no_template_has_inline_script_or_style(path: Path) -> None:
    text = COMMENT.sub("", path.read_text())
    assert [what for what, pattern in INLINE.items() if pattern.search(text)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "<script>x()</script>",
        "<STYLE>b{}</style>",
        '<p class="a" style="x">',
        '<a\nonclick="x()">',
        '<a href="javascript:x">',
    ],
)
def test_inline_script_and_style_would_be_seen(planted: str) -> None:
    assert any(pattern.search(planted) for pattern in INLINE.values())


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_every_template_can_be_loaded(path: Path) -> None:
    get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_no_line_of_a_template_is_too_long_to_read(path: Path) -> None:
    """A text of several lines is a `blocktranslate trimmed`; a tag of Django's cannot be broken, an attribute can."""
    assert [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > LONGEST_LINE] == []


def words_outside_gettext(text: str) -> list[str]:
    """The words a reader sees or hears that no `translate` tag holds."""
    text = NO_WORDS.sub(" ", TRANSLATED.sub(" ", COMMENT.sub("", text)))
    heard = " ".join(SPOKEN_ATTRIBUTE.findall(text))
    seen = re.sub(r"/[\w/#-]*", " ", re.sub(r"<[^>]*>", " ", text))  # paths of addresses are no words
    return re.findall(r"[^\W\d_]{2,}", f"{seen} {heard}")


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_every_word_of_a_template_can_be_translated(path: Path) -> None:
    name = str(path.relative_to(ROOT / "templates"))
    assert (words_outside_gettext(path.read_text()) != []) == (name in NAMES_AND_MACHINE_TEXT)


@pytest.mark.parametrize(
    "planted", ["<p>Hello</p>", '<a title="Go back">{% translate "Back" %}</a>', "Dear {{ user }}"]
)
def test_a_word_outside_gettext_would_be_seen(planted: str) -> None:
    assert words_outside_gettext(planted)


def test_nothing_is_exempt_from_the_csrf_check() -> None:
    """A later door that takes machine requests adds its file here, one by one."""
    exempt = [path for path in SOURCES if "csrf_exempt" in path.read_text()]
    takes_tokens_only = ["recoverydesk/upload/views.py"]  # no cookie counts there, so none can be abused
    assert names(exempt) == takes_tokens_only


def test_only_the_boundary_table_takes_repository_addresses_apart() -> None:
    """Settings look at BASE_URL, the tracker at issues; probing looks at where an address leads on the network; an
    upload is asked whether its links are addresses at all.
    """
    allowed = (
        "recoverydesk/projects/archives/metadata.py",
        "recoverydesk/recovery/workflow/issue_tracker.py",
        "recoverydesk/environment.py",
        "recoverydesk/settings_rules.py",
        "recoverydesk/settings.py",
        "recoverydesk/recovery/repository_urls/parser.py",
        "recoverydesk/recovery/repository_urls/url_text.py",
        "recoverydesk/recovery/probing/",
    )
    splitters = [path for path in SOURCES if re.search(r"\burl(split|parse)\b", path.read_text())]
    assert [name for name in names(splitters) if not name.startswith(allowed)] == []


def test_the_example_lists_every_setting_and_no_other() -> None:
    read = set(re.findall(r'\benv(?:\.\w+\(|,)\s*"([A-Z_]+)"', (ROOT / "recoverydesk/settings.py").read_text()))
    assert names_in_example() == read


def test_no_other_file_reads_the_environment() -> None:
    """Settings come through settings.py; process environments are built by the demo alone."""
    readers = [path for path in SOURCES if re.search(r"\bos\.(environ(?!\.setdefault)|getenv)\b", path.read_text())]
    elsewhere = [name for name in names(readers) if not name.startswith("recoverydesk/demo/")]
    assert elsewhere == ["recoverydesk/settings.py"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_requirement_files_name_no_place_to_install_from(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if line.startswith("-") or "://" in line.split(" #")[0]] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_a_hash(name: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text())
    pinned = [entry for entry in entries if re.match(r"[A-Za-z0-9_.\[\]-]+==\S+", entry)]
    assert len(pinned) > 50
    assert [entry.split()[0] for entry in pinned if "--hash=sha256:" not in entry] == []


def test_no_tracked_file_names_the_host_of_a_package_registry() -> None:
    hosts = re.compile(r"\b(pypi|pythonhosted|npmjs|registry\.npm)\.(org|com|io|python\.org)\b", re.IGNORECASE)
    found = [path for path in tracked_files() if hosts.search(path.read_bytes().decode("utf-8", "ignore"))]
    assert names(found) == []


def test_no_import_hides_in_a_function() -> None:
    """A late import is how a circle hides. AppConfig.ready() and migrations are Django's places for them."""
    late = set()
    for path in SOURCES:
        if "migrations" in path.parts:
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _imports(function):
                late.add(f"{path.relative_to(ROOT)}: {function.name}")
    assert {one for one in late if not one.endswith("/apps.py: ready")} == LATE


def _imports(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))


def test_files_and_functions_fit_on_a_page() -> None:
    lengths = []
    for path in SOURCES:
        text = path.read_text()
        assert text.count("\n") <= 400 or path.name in ("models.py", "settings.py"), path
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and "migrations" not in path.parts:
                lengths.append(((function.end_lineno or 0) - function.lineno + 1, f"{path.name}: {function.name}"))
    lengths.sort()
    assert lengths[-1][0] <= 45, lengths[-1]
    assert lengths[len(lengths) * 9 // 10][0] <= 14
