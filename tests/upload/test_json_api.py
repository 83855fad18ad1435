"""The JSON documents: what clients read, for whom they change, and what they never show."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from recoverydesk.projects import withdrawals
from recoverydesk.projects.documents import read_document
from recoverydesk.projects.models import About, File, Project, Release
from tests.helpers import factories
from tests.helpers.packages import Send, sdist, sdist_name, wheel, wheel_name


@pytest.fixture
def published(send: Send) -> None:
    assert send(wheel_name(), wheel()).status_code == 200
    assert send(sdist_name(version="1.10"), sdist(version="1.10"), of=("sample", "1.10")).status_code == 200


def test_a_project_has_its_newest_release_and_all_files(client: Client, published: None, settings: Any) -> None:
    data = client.get("/pypi/sample/json").json()
    info = data["info"]
    assert (info["name"], info["version"], info["summary"]) == ("sample", "1.10", "made for a test")
    assert (info["requires_python"], info["requires_dist"], info["yanked"]) == (">=3.8", None, False)
    assert info["project_urls"] == {"Source": "https://code.example/ada/sample"}
    assert list(data["releases"]) == ["1.10", "1.0"]
    assert (data["urls"], data["vulnerabilities"]) == (data["releases"]["1.10"], [])
    row, (file,) = File.objects.get(filename=wheel_name()), data["releases"]["1.0"]
    assert (file["filename"], file["digests"], file["size"]) == (row.filename, {"sha256": row.sha256}, row.size)
    assert (file["packagetype"], file["python_version"]) == ("bdist_wheel", "py3")
    assert file["url"] == f"{settings.BASE_URL}/simple/sample/{row.filename}"
    assert b"".join(client.get(f"/simple/sample/{row.filename}")) == wheel()


def test_one_release_in_any_spelling(client: Client, published: None) -> None:
    for version in ("1.0", "1.0.0", "v1"):
        data = client.get(f"/pypi/sample/{version}/json").json()
        assert (data["info"]["version"], data["urls"][0]["filename"]) == ("1.0", wheel_name())
        assert "releases" not in data
    response = client.get("/pypi/Sam.Ple/1.0/json")
    assert (response.status_code, response.headers["Location"]) == (301, "/pypi/sam-ple/1.0/json")
    for path in ("/pypi/sample/9/json", "/pypi/sample/soon/json", "/pypi/nobody/json", "/pypi/%00/json"):
        assert client.get(path).status_code == 404


def test_what_is_yanked_says_so_and_what_is_deleted_is_not_there(client: Client, published: None, ada: User) -> None:
    withdrawals.yank(Release.objects.get(version="1.10"), actor=ada, reason="</script>")
    data = client.get("/pypi/sample/json").json()
    assert data["info"]["version"] == "1.0"
    file = data["releases"]["1.10"][0]
    assert (file["yanked"], file["yanked_reason"]) == (True, "</script>")
    withdrawals.delete(File.objects.get(filename=wheel_name()), actor=ada)
    withdrawals.delete(Release.objects.get(version="1.10"), actor=ada)
    assert client.get("/pypi/sample/json").json()["releases"] == {"1.0": []}
    assert client.get("/pypi/sample/1.10/json").status_code == 404


def test_a_document_that_is_known_is_not_sent_again_and_a_changed_one_is(
    client: Client, published: None, ada: User, django_assert_num_queries: Any
) -> None:
    seen = set()
    for change in (lambda: None, lambda: withdrawals.yank(Release.objects.get(version="1.0"), actor=ada), _told):
        change()
        etag = client.get("/pypi/sample/json").headers["ETag"]
        seen.add(etag)
        with django_assert_num_queries(3):
            assert client.get("/pypi/sample/json", headers={"If-None-Match": etag}).status_code == 304
    assert len(seen) == 3


def _told() -> None:
    """Somebody tells of a release that was there."""
    About.objects.create(release=factories.make_project("sample", version="0.9").releases.get(version="0.9"))


def test_nobody_needs_a_session_and_ours_is_never_sent(client: Client, published: None, ada: User) -> None:
    client.force_login(ada)
    response = client.get("/pypi/sample/json")
    assert "Cookie" not in response.headers.get("Vary", "")
    assert response.headers["Cache-Control"] == "public, no-cache"
    assert not response.cookies


def test_our_own_import_reads_what_we_write(client: Client, published: None) -> None:
    facts = read_document(client.get("/pypi/sample/json").json())
    assert facts.name == Project.objects.get().name
    assert {fact.version: [file.filename for file in fact.files] for fact in facts.releases} == {
        "1.0": [wheel_name()],
        "1.10": [sdist_name(version="1.10")],
    }
