"""Rules of the house that no other tool checks."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.template.loader import get_template

from tests.helpers.files import ROOT, names, names_in_example, tracked_files

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
    "tokens/_install.html": "names of clients",
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
    takes_tokens_only = [  # no cookie counts there, so none can be abused
        "recoverydesk/publishers/api.py",
        "recoverydesk/text_only.py",  # exempts nothing: it asks which are
        "recoverydesk/upload/views.py",
        "tokens/views/api.py",
        "tokens/views/leak_reports.py",
    ]
    assert names(exempt) == takes_tokens_only


def test_only_the_boundary_table_takes_repository_addresses_apart() -> None:
    """Settings look at BASE_URL, the tracker at issues, names at profile pages; probing looks at where an address leads
    on the network; an upload is asked whether its links are addresses at all; issuers are the operator's.
    """
    allowed = (
        "recoverydesk/projects/archives/metadata.py",
        "common/transport/documents.py",
        "recoverydesk/publishers/issuers.py",
        "recoverydesk/publishers/keys.py",
        "recoverydesk/recovery/workflow/issue_tracker.py",
        "accounts/typed_names.py",
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


DIGITS_OF_THEIR_OWN = {  # where digits are no whole number of ours, and why
    "accounts/codes.py": "a one-time code keeps its zeros",
    "common/numbers.py": "the one reader",
    "recoverydesk/demo/codehost.py": "the length of a body, before Django",
    "recoverydesk/projects/archives/tar_notes.py": "the format's own length",
    "recoverydesk/projects/archives/tars.py": "the format's own length",
    "recoverydesk/projects/releases.py": "a port in a host",
}


def test_whole_numbers_have_one_reader() -> None:
    """`common.numbers.whole_number`: a second one would forget other digits than ours, or what a column takes."""
    own = {str(path.relative_to(ROOT)) for path in SOURCES if re.search(r"\.is(digit|decimal)\b", path.read_text())}
    assert own == set(DIGITS_OF_THEIR_OWN)


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


# The tests themselves -------------------------------------------------------------------------------------------------

NO_ROOMS = {"attacks", "browser", "data", "helpers", "mutants", "services", "upload/clients"}


def taken_from_tests(text: str) -> list[str]:
    """Everything a module imports of a test module or a conftest, by its whole name."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            found += [f"{node.module or ''}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names]
    return [name for name in found if re.search(r"(^|\.)(conftest|test_\w+)(\.|$)", name)]


def test_nothing_imports_a_test_or_a_conftest() -> None:
    """What two tests need is in tests/helpers: a test can then move or go without taking tools from others."""
    importers = [path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")]
    taken = {str(path.relative_to(ROOT)): taken_from_tests(path.read_text()) for path in importers}
    assert {name: names for name, names in taken.items() if names} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "from tests.recovery.test_admin import browser", "from tests.recovery.conftest import Host",
        "from tests.recovery import test_admin", "from . import conftest", "import tests.test_house as house",
        "def late():\n    from tests.test_house import names",
    ],
)  # fmt: skip
def test_an_import_of_a_test_would_be_seen(planted: str) -> None:
    assert len(taken_from_tests(planted)) == 1


def folders_of_tests() -> list[str]:
    holds = {path.parent.relative_to(ROOT / "tests") for path in tracked_files() if path.is_relative_to(ROOT / "tests")}
    return sorted({str(one) for folder in holds for one in (folder, *folder.parents)} - {"."})


def is_room(folder: str) -> bool:
    return any((ROOT / above / folder / "__init__.py").is_file() for above in ("", "recoverydesk"))


@pytest.mark.parametrize("module", ["tests.services.__main__", "tests.mutants.__main__", "tests.fresh_start"])
def test_a_program_beside_the_tests_starts_before_django_does(module: str) -> None:
    """It sets the stack's own settings first: whatever it imports must not ask for them."""
    ours = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, env=ours, check=True)


def test_every_folder_of_tests_is_a_room_of_the_product() -> None:
    folders = folders_of_tests()
    assert {folder for folder in NO_ROOMS if folder not in folders or is_room(folder)} == set()
    assert [folder for folder in folders if not is_room(folder) and not is_below(folder, NO_ROOMS)] == []


def is_below(folder: str, others: set[str]) -> bool:
    return any(f"{folder}/".startswith(f"{other}/") for other in others)


@pytest.mark.parametrize(("folder", "known"), [("recovery/no_such", False), ("recovery/desk", True), ("audit", True)])
def test_a_folder_that_is_no_room_would_be_seen(folder: str, known: bool) -> None:
    assert is_room(folder) == known
    assert not is_below(folder, NO_ROOMS)
