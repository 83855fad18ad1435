"""What caches and half-done downloads need of the index: ETags, parts of files, heads, and no cookie anywhere."""

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import Client
from django.urls import get_resolver

from accounts.models import User
from audit.log import record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import importing, project_status, releases, withdrawals
from recoverydesk.projects.models import File, Project
from recoverydesk.upload import sessionless
from tests.helpers import factories
from tests.helpers.files import ROOT
from tests.helpers.packages import Send, metadata_of, sdist, sdist_name, wheel, wheel_name
from tests.upload.server import gunicorn

JSON = "application/vnd.pypi.simple.v1+json"
FILE = f"/simple/sample/{wheel_name()}"
PAGES = ["/simple/", "/simple/sample/"]
FILES = [FILE, f"{FILE}.metadata"]
ELSEWHERE = ["/simple/Sam.ple/", "/simple/nobody/", "/simple/sample/nothing-1.0.tar.gz", "/simple/%00/", "/simple/-/x"]
ALL = [*PAGES, *FILES, *ELSEWHERE]


@pytest.fixture
def published(send: Send) -> None:
    assert send(wheel_name(), wheel()).status_code == 200


def body(response: Any) -> bytes:
    return b"".join(response) if response.streaming else response.content


def got(client: Client, path: str, **headers: str) -> Any:
    return client.get(path, headers={key.replace("_", "-"): value for key, value in headers.items()})


# No cookie ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ALL)
def test_no_answer_of_the_index_has_to_do_with_a_cookie(
    published: None, ada: User, path: str, method: str, client: Client
) -> None:
    client.force_login(ada)
    client.cookies["csrf"] = "x"
    answer = getattr(client, method)(path)
    assert not answer.cookies
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert "Content-Security-Policy" in answer.headers
    safe = method in ("get", "head")
    expected = {200} if path not in ELSEWHERE else {301, 404}
    assert answer.status_code in (expected if safe else {405})
    assert safe or answer.headers["Allow"] == "GET, HEAD"
    body(answer)


def test_every_address_of_the_index_is_answered_before_there_is_a_session() -> None:
    names = {str(name) for name in get_resolver().reverse_dict if str(name).startswith(("simple", "json_"))}
    assert names == sessionless.VIEWS


def test_an_address_that_only_looks_like_the_index_goes_the_usual_way(client: Client, published: None) -> None:
    assert client.get("/simple/sample").headers["Location"] == "/simple/sample/"
    assert client.get("/simple/a/b/c/d").status_code == 404


def test_the_index_speaks_one_language_whatever_the_last_page_spoke(client: Client, published: None) -> None:
    client.get("/", headers={"Accept-Language": "es"})
    assert b'lang="en"' in client.get("/simple/", headers={"Accept-Language": "es"}).content


# ETags ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [JSON, "text/html"])
@pytest.mark.parametrize("path", [*PAGES, *FILES])
def test_what_the_client_has_is_not_sent_again(client: Client, published: None, path: str, accept: str) -> None:
    first = got(client, path, Accept=accept)
    etag = first.headers["ETag"]
    assert (first.status_code, bool(body(first)), etag.startswith('"')) == (200, True, True)
    for told in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in (client.get, client.head):
            again = method(path, headers={"Accept": accept, "If-None-Match": told})
            assert (again.status_code, body(again)) == (304, b""), told
            for name in ("ETag", "Cache-Control", *(["Vary"] if path in PAGES else [])):
                assert again.headers[name] == first.headers[name]
    for told in ('"other"', 'W/"x"', "", etag.strip('"')):
        assert body(got(client, path, Accept=accept, If_None_Match=told)) != b""
    assert got(client, path, Accept=accept, If_Match='"other"').status_code == 412


def test_pages_may_be_kept_and_asked_for_and_files_kept_for_ever(client: Client, published: None) -> None:
    for path in PAGES:
        answer = got(client, path)
        assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("public, no-cache", "Accept")
    for path in FILES:
        answer = got(client, path)
        assert (answer.headers["Cache-Control"], "Vary" in answer.headers) == (
            "public, max-age=31536000, immutable",
            False,
        )
        body(answer)


@pytest.mark.parametrize("path", PAGES)
def test_each_form_of_a_page_has_an_etag_of_its_own(client: Client, published: None, path: str) -> None:
    forms = [JSON, "text/html", "application/vnd.pypi.simple.v1+html"]
    assert len({got(client, path, Accept=form).headers["ETag"] for form in forms}) == 3


def test_a_page_that_is_known_costs_two_questions(
    client: Client, published: None, django_assert_num_queries: Any
) -> None:
    for path in PAGES:
        etag = got(client, path).headers["ETag"]
        with django_assert_num_queries(2):
            assert got(client, path, If_None_Match=etag).status_code == 304


Change = Callable[[Send, User, Path], object]


def _import_bytes(_send: Send, ada: User, folder: Path) -> None:
    (folder / wheel_name()).write_bytes(wheel())
    importing.import_file(folder / wheel_name(), owner=ada, uploaded_at=factories.LONG_AGO)


def _import_document(_send: Send, _ada: User, _folder: Path) -> None:
    row = {"filename": "sample-0.1.tar.gz", "packagetype": "sdist", "size": 1, "digests": {"sha256": "0" * 64}}
    row["upload_time_iso_8601"] = "2020-01-01T00:00:00Z"
    importing.import_document({"info": {"name": "sample", "version": "0.1"}, "urls": [row]})


def _delete(_send: Send, _ada: User, _folder: Path) -> None:
    project = Project.objects.get(name="sample")
    gone = {"version": "1.0", "uploaded_at": factories.LONG_AGO, "urls": None, "deleted_at": datetime.now(UTC)}
    releases.record_release(project, **gone)  # type: ignore[arg-type]


def _yank(_send: Send, ada: User, _folder: Path) -> None:
    withdrawals.yank(File.objects.get(filename=wheel_name()), actor=ada, reason="broken")


def _unyank(_send: Send, ada: User, _folder: Path) -> None:
    withdrawals.unyank(File.objects.get(filename=wheel_name()).release, actor=ada)


def _delete_file(_send: Send, ada: User, _folder: Path) -> None:
    with contextlib.suppress(withdrawals.ReleaseGone):
        withdrawals.delete(File.objects.get(filename=sdist_name()), actor=ada)


def _archive(_send: Send, ada: User, _folder: Path) -> None:
    project_status.set_status(Project.objects.get(name="sample"), "archived", actor=ada, reason="done")


CHANGES: dict[str, Change] = {
    "a sign-in": lambda _send, ada, _folder: record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=ada, subject=ada),
    "another project": lambda send, _ada, _folder: send(wheel_name("other"), wheel("other"), of=("other", "1.0")),
    "another project without files": lambda _send, ada, _folder: factories.make_project("empty", ada),
    "a second file": lambda send, _ada, _folder: send(sdist_name(), sdist()),
    "the same file": lambda send, _ada, _folder: send(wheel_name(), wheel()),
    "a refused file": lambda send, _ada, _folder: send(wheel_name(), wheel(body=b"other")),
    "a document": _import_document,
    "the bytes of a file": _import_bytes,
    "the bytes again": _import_bytes,
    "a yank": _yank,
    "a yank again": _yank,
    "no yank": _unyank,
    "a file less": _delete_file,
    "a file less again": _delete_file,
    "a status": _archive,
    "a status again": _archive,
    "a deletion": _delete,
    "a deletion again": _delete,
}


def test_equal_etags_mean_equal_bytes_whatever_happens(send: Send, ada: User, client: Client, tmp_path: Path) -> None:
    send(wheel_name(), wheel())
    File.objects.update(stored_as="")  # as an import of documents leaves it
    Project.objects.update(serial=1)
    seen = [_pages(client)]
    for change in CHANGES.values():
        change(send, ada, tmp_path)
        seen.append(_pages(client))
    changed = [now != before for before, now in pairwise(seen)]
    by_etag: dict[tuple[str, str], bytes] = {}
    for pages in seen:
        for path, (etag, content) in pages.items():
            assert by_etag.setdefault((path, etag), content) == content, (path, etag)
    quiet = [name for name, is_changed in zip(CHANGES, changed, strict=True) if not is_changed]
    again = ["the bytes again", "a yank again", "a file less again", "a status again", "a deletion again"]
    assert quiet == ["a sign-in", "the same file", "a refused file", *again]


def _pages(client: Client) -> dict[str, tuple[str, bytes]]:
    answers = {path: got(client, path, Accept=JSON) for path in [*PAGES, "/pypi/sample/json"]}
    return {path: (answer.headers["ETag"], answer.content) for path, answer in answers.items()}


KNOWS = re.compile(r"^from recoverydesk\.projects\.models import [^\n]*\b(File|Release)\b", re.MULTILINE)
WRITES = re.compile(
    r"(?<!default_storage)(?<!withdrawals)\.(save|update|create|bulk_create|bulk_update|get_or_create|update_or_create|delete)\("
)
WRITERS = {f"recoverydesk/projects/{name}.py" for name in ("releases", "importing", "withdrawals")}


def test_only_these_modules_change_what_the_index_shows_and_each_notes_it() -> None:
    """A new one calls releases.touch, and comes into this list. (populate fills a database that nobody has read.)"""
    found = set()
    for path in (ROOT / "recoverydesk").rglob("*.py"):
        text, left_out = path.read_text(), {"populating", "migrations"} & set(path.parts)
        if not left_out and KNOWS.search(text) and WRITES.search(text):
            found.add(str(path.relative_to(ROOT)))
            assert re.search(r"\btouch\(\*?\(?project", text)
    assert found == WRITERS


@pytest.mark.django_db
def test_a_restored_database_gives_out_no_serial_again() -> None:
    project = Project.objects.create(name="sample", normalized_name="sample")
    for stored in (0, 5, int((database_now() + timedelta(days=1)).timestamp() * 1000)):
        Project.objects.update(serial=stored)
        before = int(database_now().timestamp() * 1000)
        releases.touch(project)
        releases.touch(project)
        project.refresh_from_db()
        assert project.serial > max(stored + 1, before)


# Parts of files -------------------------------------------------------------------------------------------------------

SIZE = len(wheel())
PARTS = [
    ("bytes=0-9", 0, 10), ("bytes=10-19", 10, 20), ("bytes=5-5", 5, 6), (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ("bytes=0-", 0, SIZE), ("bytes=-7", SIZE - 7, SIZE), ("bytes=-99999", 0, SIZE), ("bytes=3-99999", 3, SIZE),
    ("BYTES=0-9", 0, 10), ("bytes= 0-9 ", 0, 10), (f"bytes=0-{10**17}", 0, SIZE),
]  # fmt: skip
WHOLE = [
    "bytes=0-1,5-6", "bytes=9-3", "bytes=-", "bytes=", "bytes", "items=0-9", "bytes=a-b", "bytes=1", "bytes=--5", "",
    "bytes=0-9,", "bytes=0x1-9", "bytes=٣-٤", f"bytes=0-{'9' * 5_000}", "bytes=+1-2",
]  # fmt: skip
NONE = [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0", f"bytes={10**17}-"]


@pytest.mark.parametrize(("asked", "start", "stop"), PARTS)
def test_a_part_is_sent_as_it_was_asked_for(client: Client, published: None, asked: str, start: int, stop: int) -> None:
    etag = got(client, FILE, Range="bytes=0-0").headers["ETag"]
    for headers in ({}, {"If_Range": etag}, {"If_None_Match": '"other"'}):
        answer = got(client, FILE, Range=asked, **headers)
        assert (answer.status_code, body(answer)) == (206, wheel()[start:stop])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert answer.headers["Content-Length"] == str(stop - start)
        assert (answer.headers["ETag"], "immutable" in answer.headers["Cache-Control"]) == (etag, True)
    assert got(client, FILE, Range=asked, If_None_Match=etag).status_code == 304


@pytest.mark.parametrize("asked", WHOLE, ids=lambda text: ascii(text)[:30])
def test_what_cannot_be_read_or_is_several_parts_gets_the_whole(client: Client, published: None, asked: str) -> None:
    answer = client.generic("GET", FILE, HTTP_RANGE=asked)
    assert (answer.status_code, body(answer), answer.headers["Accept-Ranges"]) == (200, wheel(), "bytes")


@pytest.mark.parametrize("asked", NONE)
def test_a_part_that_is_not_there_is_416_with_the_size(client: Client, published: None, asked: str) -> None:
    answer = got(client, FILE, Range=asked)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("other", ['"other"', 'W/"x"', "Wed, 21 Oct 2026 07:28:00 GMT", "", "nonsense"])
def test_a_part_of_another_file_is_the_whole_of_this_one(client: Client, published: None, other: str) -> None:
    answer = got(client, FILE, Range="bytes=0-9", If_Range=other)
    assert (answer.status_code, body(answer)) == (200, wheel())
    beyond = got(client, FILE, Range=f"bytes={SIZE}-", If_Range=other)
    assert (beyond.status_code, body(beyond)) == (200, wheel())


def test_metadata_comes_in_parts_and_pages_do_not(client: Client, published: None) -> None:
    assert body(got(client, f"{FILE}.metadata", Range="bytes=-9")) == metadata_of("sample", "1.0")[-9:]
    for path in PAGES:
        answer = got(client, path, Range="bytes=0-9")
        assert (answer.status_code, "Accept-Ranges" in answer.headers) == (200, False)


# Heads ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL)
def test_a_head_says_what_a_get_says_and_no_more(client: Client, published: None, path: str) -> None:
    whole = client.get(path)
    head = client.head(path, headers={"Range": "bytes=0-9"})
    assert (head.status_code, body(head)) == (whole.status_code, b"")
    length = str(len(body(whole)))
    for headers in (whole.headers, head.headers):
        headers.setdefault("Content-Length", length)
        headers["X-Request-ID"] = "each its own"
    assert dict(head.headers) == dict(whole.headers)


@pytest.mark.django_db(transaction=True)
def test_the_real_server_sends_parts_and_heads(send: Send, storage: Path, tmp_path: Path, settings: Any) -> None:
    """gunicorn sends files by the kernel where it can, and warns of every body behind a head."""
    content = wheel(body=bytes(range(256)) * 1_000)
    assert send(wheel_name(), content).status_code == 200
    with gunicorn(tmp_path, workers=1) as server:
        part = requests.get(server.url + FILE, headers={"Range": "bytes=100-299"}, timeout=60)
        assert (part.status_code, part.content) == (206, content[100:300])
        assert requests.get(server.url + FILE, timeout=60).content == content
        for path in (FILE, *PAGES, "/", "/livez", "/nowhere/"):
            head = requests.head(server.url + path, timeout=60)
            assert (head.content, int(head.headers["Content-Length"]) > 0) == (b"", True)
        again = {"If-None-Match": part.headers["ETag"]}
        assert requests.get(server.url + FILE, headers=again, timeout=60).status_code == 304
    assert b"dropping" not in (tmp_path / "gunicorn.log").read_bytes()
