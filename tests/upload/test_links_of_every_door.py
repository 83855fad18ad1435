"""A link makes the same boundary whichever door the release came through: a document, a file, an upload."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from recoverydesk.projects import labels, services
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import Project, RepositoryLink
from tests.helpers.links_as_written import CASES, HOME_PAGE, NOWHERE, Case
from tests.helpers.packages import Send, sdist, sdist_name

pytestmark = pytest.mark.django_db
AT = "2024-05-01T12:00:00Z"
Pairs = list[tuple[str, str]]
Door = Callable[[Pairs], None]
FIELDS = {"Home-page": "Home-page", "Download-URL": "Download-URL"}


def metadata(pairs: Pairs) -> bytes:
    lines = [f"{FIELDS[label]}: {url}" if label in FIELDS else f"Project-URL: {label}, {url}" for label, url in pairs]
    return "\n".join(["Metadata-Version: 2.1", "Name: sample", "Version: 1.0", *lines, "", ""]).encode()


def by_document(pairs: Pairs, tmp_path: Path) -> None:
    legacy = {"Home-page": "home_page", "Download-URL": "download_url"}
    info: dict[str, Any] = {"name": "sample", "version": "1.0"}
    info |= {legacy[label]: url for label, url in pairs if label in legacy}
    info["project_urls"] = {label: url for label, url in pairs if label not in legacy}
    (tmp_path / "sample.json").write_text(json.dumps({"info": info, "urls": []}))
    call_command("import_projects", str(tmp_path / "sample.json"), "--uploaded-at", AT)


def by_file(pairs: Pairs, tmp_path: Path) -> None:
    (tmp_path / sdist_name()).write_bytes(sdist(metadata=metadata(pairs)))
    import_file(tmp_path / sdist_name(), owner=None, uploaded_at=datetime(2024, 5, 1, tzinfo=UTC))


def by_verb(pairs: Pairs, tmp_path: Path) -> None:  # noqa: ARG001
    project, _made = services.ensure_project("sample", actor="system")
    services.record_release(project, version="1.0", uploaded_at=datetime(2024, 5, 1, tzinfo=UTC), urls=pairs)


def named() -> tuple[str, str, str]:
    """The one repository that counts now."""
    rows = list(RepositoryLink.objects.counting().values_list("host", "namespace", "repository"))
    assert len(rows) <= 1
    return rows[0] if rows else NOWHERE


def expected(case: Case) -> tuple[str, str, str]:
    """A label that is none proves nothing, wherever it leads."""
    return case.place if labels.kind_of(case.label) else NOWHERE


@pytest.mark.parametrize("case", CASES, ids=[f"{case.label} {case.url}" for case in CASES])
@pytest.mark.parametrize("door", [by_document, by_file, by_verb])
def test_what_is_told_of_a_release_makes_its_boundary(case: Case, door: Any, tmp_path: Path) -> None:
    door([(case.label, case.url)], tmp_path)
    assert named() == expected(case)
    assert Project.objects.get().releases.get().names_boundary == (expected(case) != NOWHERE)
    assert Project.objects.get().releases.get().urls == [[case.label, case.url]]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.label} {case.url}" for case in CASES])
def test_an_upload_makes_it_as_well_or_is_refused(case: Case, send: Send) -> None:
    """PyPI takes http and https alone, and says so; what it takes counts as through any other door."""
    content = sdist(metadata=metadata([(case.label, case.url)]))
    answer = send(sdist_name(), content, project_urls=None, requires_python=None)
    if case.url.startswith(("http://", "https://")):
        assert answer.status_code == 200, answer.reason_phrase
        assert named() == expected(case)
    else:
        assert answer.status_code == 400
        assert "is not a valid url" in answer.reason_phrase


@pytest.mark.parametrize("case", [case for case in CASES if case.place == NOWHERE], ids=lambda case: case.url)
@pytest.mark.parametrize("door", [by_document, by_file, by_verb])
def test_a_link_that_leads_to_none_hides_no_home_page_that_does(case: Case, door: Any, tmp_path: Path) -> None:
    door([(case.label, case.url), HOME_PAGE], tmp_path)
    assert named() == ("github.com", "kvist", "tool")


@pytest.mark.parametrize("label", ["Source", "Homepage"])
@pytest.mark.parametrize("door", [by_document, by_file, by_verb])
def test_where_it_is_downloaded_counts_only_without_a_better_link(label: str, door: Any, tmp_path: Path) -> None:
    better = "https://github.com/kvist/better"
    door([(label, better), ("Download-URL", "https://github.com/kvist/tool/archive/1.0.tar.gz")], tmp_path)
    assert named() == ("github.com", "kvist", "better")


def test_the_tests_walk_every_door(ada: User, send: Send) -> None:
    """The legacy fields are read from a file that is uploaded as from one that is imported."""
    url = "https://github.com/kvist/tool"
    content = sdist(metadata=metadata([("Home-page", "https://a.example/"), ("Download-URL", url)]))
    assert send(sdist_name(), content, project_urls=None, requires_python=None).status_code == 200
    assert Project.objects.get().releases.get().urls == [["Home-page", "https://a.example/"], ["Download-URL", url]]
    assert named() == ("github.com", "kvist", "tool")
