"""The file decides what is kept of an upload, and a form that says something else is refused by the field's name."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import File, Project, Release, RepositoryLink
from recoverydesk.upload import agreement, form
from tests.helpers.packages import Send, metadata_of, sdist, sdist_name, wheel, wheel_name

BASE = "Metadata-Version: 2.5\nName: sample\nVersion: 1.0\n"
# What PyPI's form calls a field, its name in a file, what both say, and what else the form could say.
EXAMPLES: dict[str, tuple[str, list[str], list[str]]] = {
    "name": ("Name", ["sample"], ["sampled"]),
    "version": ("Version", ["1.0"], ["1.1"]),
    "summary": ("Summary", ["made for a test"], ["made for another"]),
    "description_content_type": ("Description-Content-Type", ["text/markdown; charset=UTF-8"], ["text/plain"]),
    "author": ("Author", ["Ada"], ["Kim"]),
    "author_email": ("Author-email", ["Ada <ada@example.org>"], ["ada@example.com"]),
    "maintainer": ("Maintainer", ["Ada"], ["Kim"]),
    "maintainer_email": ("Maintainer-email", ["ada@example.org"], ["kim@example.org"]),
    "license": ("License", ["MIT"], ["GPL"]),
    "license_expression": ("License-Expression", ["MIT"], ["0BSD"]),
    "keywords": ("Keywords", ["one,two"], ["one,three"]),
    "home_page": ("Home-page", ["https://code.example/ada"], ["https://code.example/kim"]),
    "download_url": ("Download-URL", ["https://code.example/ada/x"], ["https://code.example/kim/x"]),
    "requires_python": ("Requires-Python", [">=3.8"], [">=3.9"]),
    "classifiers": ("Classifier", ["Topic :: Utilities", "Topic :: Games/Entertainment"], ["Topic :: Utilities"]),
    "platform": ("Platform", ["any"], ["other"]),
    "supported_platform": ("Supported-Platform", ["any"], ["other"]),
    "requires_dist": ("Requires-Dist", ["a>=1", "b; extra == 'x'"], ["a>=1", "b"]),
    "provides_dist": ("Provides-Dist", ["a"], ["b"]),
    "obsoletes_dist": ("Obsoletes-Dist", ["a"], ["b"]),
    "requires_external": ("Requires-External", ["libc"], ["libm"]),
    "project_urls": ("Project-URL", ["Source, https://code.example/ada/a"], ["Source, https://code.example/kim/a"]),
    "provides_extra": ("Provides-Extra", ["x"], ["y"]),
    "dynamic": ("Dynamic", ["Requires-Dist"], ["License"]),
    "license_file": ("License-File", ["LICENSE"], ["COPYING"]),
    "license_files": ("License-File", ["LICENSE"], ["COPYING"]),
    "import_name": ("Import-Name", ["sample"], ["other"]),
    "import_names": ("Import-Name", ["sample"], ["other"]),
    "import_namespace": ("Import-Namespace", ["sample"], ["other"]),
    "import_namespaces": ("Import-Namespace", ["sample"], ["other"]),
}
FIELDS = sorted({*form.ONCE, *form.SEVERAL} - agreement.MEANINGLESS - {"description"})


def reason(response: Any) -> str:
    return f"{response.status_code} {response.reason_phrase}"


def described(*lines: str, body: str = "") -> bytes:
    return (BASE + "".join(f"{line}\n" for line in lines) + f"\n{body}").encode()


def publish(send: Send, metadata: bytes, **fields: Any) -> str:
    """Upload a wheel of this METADATA, the form saying only what is given here."""
    content = wheel(metadata=metadata, also={"licenses/LICENSE": b"x", "licenses/COPYING": b"x"})
    given = {"metadata_version": "2.5", "project_urls": None, "requires_python": None, **fields}
    return reason(send(wheel_name(), content, **given))


def in_file(field: str) -> tuple[str, ...]:
    header, values, _other = EXAMPLES[field]
    return () if field in ("name", "version") else tuple(f"{header}: {value}" for value in values)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_says_something_else_than_the_file_is_refused_by_name(send: Send, field: str) -> None:
    _header, right, wrong = EXAMPLES[field]
    key = form.SEVERAL.get(field, field)
    name = key.replace("_", "-")
    answer = publish(send, described(*in_file(field)), **{field: wrong})
    if field not in ("name", "version"):  # these must agree with the name of the file, and that with the file
        assert answer.startswith(f"400 {name}: the form says "), answer
        answer = publish(send, described(), **{field: right})
        assert answer.startswith(f"400 {name}: the form says "), answer
        assert "the metadata in the file says nothing" in answer or key == "license_files"
    assert answer.startswith("400")
    assert not Project.objects.exists()
    assert publish(send, described(*in_file(field)), **{field: right}) == "200 OK"


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in ("name", "version")])
def test_a_field_that_the_form_leaves_out_is_the_files(send: Send, field: str) -> None:
    assert publish(send, described(*in_file(field))) == "200 OK"


def test_every_field_of_the_form_has_a_meaning() -> None:
    assert set(agreement.MEANINGS) == {*form.ONCE.values(), *form.SEVERAL.values()} - agreement.MEANINGLESS
    assert set(EXAMPLES) == set(FIELDS)


def test_a_description_is_compared_word_by_word(send: Send) -> None:
    told = described(body="# Sample\r\n\r\nWords\tand  more \r\n")
    assert publish(send, told, description="# Sample\n\nOther words").startswith("400 description: the form says '# Sa")
    assert publish(send, described(), description="# Sample").endswith("the metadata in the file says nothing.")
    assert publish(send, told, description="# Sample\n\nWords and more") == "200 OK"


def test_a_description_in_a_header_is_one_too(send: Send) -> None:
    told = described("Description: One", "        two", "         three")
    assert publish(send, told, description="One\ntwo\n three") == "200 OK"


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (["Requires-Python: >=3.8,<4"], {"requires_python": "<4, >=3.8"}),
        (["Requires-Dist: A_b (>=1,<2) ; extra=='x'"], {"requires_dist": ['a-b<2,>=1; extra == "x"']}),
        (["Requires-Dist: a", "Requires-Dist: b"], {"requires_dist": ["b", "a"]}),
        (["Provides-Extra: a_b"], {"provides_extra": ["A-B"]}),
        (["Keywords: one two"], {"keywords": "one,two"}),
        (["Keywords: one,two"], {"keywords": "two, one"}),
        (["Summary: two  words "], {"summary": "two words"}),
        (["Author: UNKNOWN", "License: UNKNOWN"], {"author": "", "license": "UNKNOWN"}),
        (["Platform: UNKNOWN"], {"platform": ["UNKNOWN"]}),
        (["License-Expression: MIT"], {"license": "MIT"}),
        (["License: MIT"], {"license_expression": "MIT"}),
        (["Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM"],
         {"description_content_type": "text/markdown;variant=GFM;charset=utf-8"}),
        (["Project-URL: Source , https://code.example/ada"], {"project_urls": ["Source,https://code.example/ada"]}),
        (["Dynamic: License"], {"dynamic": ["license"]}),
        (["Author: Ünal"], {"author": "Ünal"}),
        (["Metadata-Version: 2.1"], {}),
    ],
    ids=str,
)  # fmt: skip
def test_the_same_in_another_spelling_is_no_contradiction(send: Send, lines: list[str], fields: dict[str, Any]) -> None:
    assert publish(send, described(*lines), **fields) == "200 OK"


def test_a_name_and_a_version_may_be_spelled_in_the_form_as_people_write_them(send: Send) -> None:
    content = wheel("a_b", metadata=b"Metadata-Version: 2.1\nName: A.B\nVersion: 1.0\n")
    answer = send(wheel_name("a_b"), content, of=("A-b", "1.0.0"), project_urls=None, requires_python=None)
    assert reason(answer) == "200 OK"


# What is kept ---------------------------------------------------------------------------------------------------------


def test_the_files_links_are_kept_and_nobody_dates_others_by_the_form(send: Send) -> None:
    """Links decide who can recover an account: a form that names a thief's repository left no trace in the file."""
    ours, theirs = "https://github.com/ada/sample", "https://github.com/thief/sample"
    told = described(f"Project-URL: Source, {ours}", "Requires-Python: >=3.8", f"Home-page: {ours}")
    answer = publish(send, told, project_urls=[f"Source, {theirs}"], requires_python=">=3.8")
    assert answer.startswith("400 project-urls: the form says")
    assert publish(send, told) == "200 OK"
    assert Release.objects.get().urls == [["Home-page", ours], ["Source", ours]]
    assert File.objects.get().requires_python == ">=3.8"
    assert RepositoryLink.objects.get().namespace == "ada"


METADATA = {
    "plain": metadata_of("sample", "1.0"),
    "home page": described("Home-page: https://code.example/ada ", "Download-URL: https://code.example/ada/x"),
    "unknown": described("Home-page: UNKNOWN", "Project-URL: Docs , https://docs.example/x", "Requires-Python: >3"),
    "nothing": described(),
    "labels": described("Project-URL: A,https://code.example/a", "Project-URL: B,https://code.example/b"),
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
@pytest.mark.parametrize(("filename", "make"), [(wheel_name(), wheel), (sdist_name(), sdist)])
def test_an_import_keeps_what_an_upload_keeps(
    send: Send, ada: User, tmp_path: Path, metadata: bytes, filename: str, make: Any
) -> None:
    content = make(metadata=metadata)
    answer = send(filename, content, metadata_version="2.5", project_urls=None, requires_python=None)
    assert reason(answer) == "200 OK"
    uploaded = list(File.objects.values_list("requires_python", "metadata_sha256", "release__urls"))
    Project.objects.all().delete()
    (tmp_path / filename).write_bytes(content)
    import_file(tmp_path / filename, owner=ada, uploaded_at=datetime(2024, 5, 1, tzinfo=UTC))
    assert list(File.objects.values_list("requires_python", "metadata_sha256", "release__urls")) == uploaded


# What is wrong in the file alone --------------------------------------------------------------------------------------


NO_LINKS = [
    "javascript:alert(1)", "ftp://code.example/x", "git@code.example:ada/x", "code.example/ada", "//code.example/x",
    "https://", "http:///x", "https:code.example", "https://code.example/a b", "https://[::1", "https://x:99999/",
    "git+https://code.example/x", "file:///etc/passwd", "data:text/html,x", "https://code.example/<x>",
    "https://code.example/\\x", "mailto:ada@example.org",
]  # fmt: skip


@pytest.mark.parametrize("url", NO_LINKS)
def test_a_link_that_is_no_http_address_is_refused_in_form_and_file(send: Send, url: str) -> None:
    for field, key, value in (
        ("home_page", "home-page", url),
        ("download_url", "download-url", url),
        ("project_urls", "project-urls", f"Docs, {url}"),
    ):
        line = f"{EXAMPLES[field][0]}: {value}"
        told = f"{key}: {url!r} is not a valid url"
        assert publish(send, described(line), **{field: value}) == f"400 {told}"
        assert publish(send, described(line)) == f"400 Invalid distribution file. {told}"
    assert not Project.objects.exists()


@pytest.mark.parametrize("url", ["https://code.example", "HTTP://code.example:80/ü?q=%20#x", "https://[::1]/x"])
def test_a_link_that_is_one_is_taken(send: Send, url: str) -> None:
    assert publish(send, described(f"Project-URL: Docs, {url}"), project_urls=[f"Docs, {url}"]) == "200 OK"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Requires-Python: >=3", "Requires-Python: >=4"], "requires-python: cannot be read, or stands there twice"),
        (["Home-page: https://a.example", "home-PAGE: https://b.example"], "home-page: cannot be read"),
        (["Name: sample"], "its metadata is about another project"),
        (["Project-URL: A, https://a.example", "Project-URL: A, https://b.example"], "project-url: cannot be read"),
        (["Requires-Python: three"], "requires-python: 'three' is invalid"),
        (["Project-URL: , https://a.example"], "project-urls: a label must have 1 to 32 characters"),
        ([f"Project-URL: {'a' * 33}, https://a.example"], "project-urls: a label must have 1 to 32 characters"),
        (["Project-URL: A"], "project-urls: '(nothing)' is not a valid url"),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_files_own_words_is_refused(send: Send, lines: list[str], expected: str) -> None:
    assert publish(send, described(*lines)).startswith(f"400 Invalid distribution file. {expected}")


# Nothing is too long for an answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["9" * 5_000, "x; " + "(" * 3_000 + "os_name=='a'" + ")" * 3_000, "x" * 2**15])
def test_a_long_or_deep_value_is_answered_in_the_form_and_in_the_file(send: Send, field: str, value: str) -> None:
    told = {"name": "sample", "version": "1.0", field: value}
    of = (told.pop("name"), told.pop("version"))
    assert publish(send, described(), of=of, **told)[:3] in ("200", "400")
    header = EXAMPLES[field][0]
    lines = [line for line in BASE.splitlines() if not line.startswith(f"{header}:")]
    assert publish(send, "\n".join([*lines, f"{header}: {value}", "", ""]).encode())[:3] in ("200", "400")
