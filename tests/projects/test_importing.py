"""import_projects: real documents, hostile ones, and nothing twice."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event
from recoverydesk.projects import importing, links, progress, reading
from recoverydesk.projects.models import File, Project, Release, RepositoryLink, Role
from tests.helpers.projects import DOCUMENTS, day, document, file_row, links_of, named_by

pytestmark = pytest.mark.django_db
Write = Callable[[str, Any], Path]
CODE = "https://github.com/ada/spam"


def run(*paths: Path | str, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_projects", *map(str, paths), stdout=out, stderr=out, **options)
    return out.getvalue()


def refused(*paths: Path, **options: Any) -> list[str]:
    """Run, expect exit 1, return the lines of stderr."""
    err = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("import_projects", *map(str, paths), stdout=io.StringIO(), stderr=err, **options)
    assert error.value.returncode == 1
    return err.getvalue().splitlines()


def everything() -> dict[str, list[Any]]:
    """Every row of the projects' tables and the number of events."""
    models = apps.get_app_config("projects").get_models()
    rows: dict[str, list[Any]] = {
        model.__name__: list(model._default_manager.order_by("pk").values()) for model in models
    }
    return rows | {"events": [Event.objects.count()]}


# Real documents ------------------------------------------------------------------------------------------------------


def test_all_real_documents_import_in_a_few_queries_each_and_again_change_nothing() -> None:
    with CaptureQueriesContext(connection) as asked:
        first = run(*DOCUMENTS)
    assert len(asked) < 25 * len(DOCUMENTS)
    assert len(DOCUMENTS) == 40
    assert "40 documents read. New: 40 projects, 40 releases" in first
    assert (Project.objects.count(), Release.objects.count()) == (40, 40)
    assert File.objects.count() >= 40
    before = everything()
    assert "40 documents read. New: nothing." in run(*DOCUMENTS)
    assert everything() == before


def test_real_documents_name_the_boundaries_the_table_gives() -> None:
    run(*DOCUMENTS)
    named = {project.normalized_name for project in Project.objects.filter(links__host__gt="").distinct()}
    without = {project.normalized_name for project in Project.objects.all()} - named
    assert without == {"beautifulsoup4", "mercurial", "pycrypto", "reportlab", "slixmpp"}
    for name, place in {
        "attrs": ("github.com", "python-attrs", "attrs"),
        "b4": ("git.kernel.org", "pub/scm/utils/b4", "b4"),
        "html5lib": ("github.com", "html5lib", "html5lib-python"),
        "openpyxl": ("foss.heptapod.net", "openpyxl", "openpyxl"),
        "launchpadlib": ("launchpad.net", "launchpadlib", "launchpadlib"),
        "trio": ("github.com", "python-trio", "trio"),
    }.items():
        assert named_by(Project.objects.get(normalized_name=name)) == {place}


def test_uploaded_at_and_owner_make_old_links_of_the_owners(ada: User) -> None:
    run(*DOCUMENTS, owner="Ada", uploaded_at="2024-01-01T00:00:00Z")
    assert set(Release.objects.values_list("uploaded_at", flat=True)) == {datetime(2024, 1, 1, tzinfo=UTC)}
    roles = Role.objects.filter(user=ada, kind="owner")
    assert set(roles.values_list("created_at", "accepted_at")) == {(datetime(2024, 1, 1, tzinfo=UTC),) * 2}
    assert len({link.project for link in links.subject_links(ada, before=day("2024-02-01"))}) == 35
    before = everything()
    run(*DOCUMENTS, owner="ada", uploaded_at="2024-01-01T00:00:00Z")
    assert everything() == before


def test_the_owner_role_is_as_old_as_the_earliest_upload(ada: User, write: Write) -> None:
    files = {"0.1": [file_row("spam-0.1.tar.gz", "2012-05-01T12:00:00Z")]}
    run(write("spam.json", document(releases=files)), owner="ada")
    assert Role.objects.get().created_at == day("2012-05-01")


def test_an_unknown_owner_or_time_stops_before_anything(write: Write) -> None:
    path = write("spam.json", document())
    for options in ({"owner": "nobody"}, {"uploaded_at": "yesterday"}):
        with pytest.raises(CommandError):
            run(path, **options)
    assert not Project.objects.exists()


def test_an_owner_in_quarantine_gets_no_role(ada: User, write: Write) -> None:
    ada.quarantined_at = day("2026-01-01")
    ada.save()
    lines = refused(write("spam.json", document()), owner="ada")
    assert "Until its limits end, nobody can change its roles" in lines[0]
    assert not Project.objects.exists()


def test_a_dry_run_says_what_would_change_and_writes_nothing(ada: User, write: Write) -> None:
    before = everything()
    said = run(write("spam.json", document()), owner="ada", dry_run=True)
    assert "1 projects, 1 releases, 1 files, 1 roles" in said
    assert everything() == before


# What a document says, and what it does not ---------------------------------------------------------------------------


def test_older_releases_of_a_project_document_have_unknown_links(write: Write) -> None:
    files = {"0.9": [file_row("spam-0.9.tar.gz", "2020-05-01T12:00:00Z")], "1.0": [file_row("spam-1.0.tar.gz")]}
    run(write("spam.json", document(releases=files)))
    old, new = Release.objects.order_by("version")
    assert (old.urls, old.names_boundary) == (None, False)
    assert (new.urls, new.names_boundary) == ([["Source", CODE]], True)
    assert links.last_named([old.project_id], cutoff=day("2020-06-01"), before=day("2026-01-01")) == {}


def test_project_and_version_documents_together_give_the_same_in_any_order(write: Write) -> None:
    old_files = [file_row("spam-0.9.tar.gz", "2020-05-01T12:00:00Z")]
    whole = document(releases={"0.9": old_files, "1.0": [file_row("spam-1.0.tar.gz")]})
    info = {"name": "spam", "version": "0.9", "home_page": "https://gitlab.com/ada/spam"}
    version = {"info": info, "urls": old_files}
    run(write("1.json", whole), write("2.json", version))
    first = links_of(Project.objects.get())
    Project.objects.get().links.all().delete()
    Project.objects.all().delete()
    run(write("1.json", version), write("2.json", whole))
    assert links_of(Project.objects.get()) == first
    assert {row[5] for row in first} == {"spam"}
    assert {row[3] for row in first} == {"github.com", "gitlab.com"}


def test_why_a_file_was_yanked_comes_along_in_one_line(write: Write) -> None:
    row = file_row("spam-1.0.tar.gz", yanked=True, yanked_reason=" broken\n on \x1b3.13 " + "x" * 600)
    run(write("spam.json", document(urls=[row])))
    file = File.objects.get()
    assert (file.yanked, file.yanked_reason) == (True, ("broken on 3.13 " + "x" * 600)[:500])


def test_releases_without_files_have_no_time_and_are_left_out_aloud(write: Write) -> None:
    path = write("spam.json", document(releases={"0.1": [], "1.0": [file_row("spam-1.0.tar.gz")]}))
    assert "1 releases left out because they have no files" in run(path)
    assert "New: nothing." in run(path)
    assert Release.objects.get().version == "1.0"


def test_spellings_of_a_name_are_one_project(write: Write) -> None:
    run(write("1.json", document("Spam_Eggs")), write("2.json", document("spam-eggs", "2.0")))
    assert Project.objects.get().name == "Spam_Eggs"


def test_versions_nobody_can_order_are_kept_as_they_are(write: Write) -> None:
    run(write("spam.json", document(version="2004d-dev_final!")))
    assert Release.objects.get().version == "2004d-dev_final!"


def test_json_lines_import_line_by_line(write: Write) -> None:
    lines = b"\n".join(json.dumps(document(f"spam{number}")).encode() for number in range(3))
    assert "3 projects" in run(write("several.jsonl", lines))
    assert "New: nothing" in run(write("several.json", lines))


def test_five_hundred_releases_import_in_a_few_queries(write: Write) -> None:
    releases = {f"0.{n}": [file_row(f"spam-0.{n}.tar.gz"), file_row(f"spam-0.{n}.whl")] for n in range(500)}
    path = write("spam.json", document(releases=releases))
    with CaptureQueriesContext(connection) as asked:
        run(path)
    assert len(asked) < 100
    assert (Release.objects.count(), File.objects.count()) == (501, 1001)


def test_piped_output_has_a_line_per_document_and_no_bar(write: Write) -> None:
    said = run(write("spam.json", document()), verbosity=2)
    assert said.splitlines()[0].endswith("spam.json: spam: 1 projects, 1 releases, 1 files")
    assert "\x1b" not in said


def test_a_terminal_gets_a_progress_bar(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    call_command("import_projects", str(write("spam.json", document())), stdout=Terminal())
    assert "Importing" in capsys.readouterr().out


# Bad input -----------------------------------------------------------------------------------------------------------

NO_TIME = document(urls=[file_row("spam-1.0.tar.gz", None)])
HUGE = "x" * 3000
BAD = {
    "not an object": ([1, 2], "the document is missing or not of type object"),
    "no info": ({"urls": []}, "info is missing"),
    "info is a list": ({"info": []}, "info is missing or not of type object"),
    "a name that is a number": (document() | {"info": {"name": 5, "version": "1"}}, "info.name is missing"),
    "a name no project has": (document("../etc", urls=[file_row("a")]), "is not a project name"),
    "a long name": (document("x" * 101), "is not a project name"),
    "a NUL byte in the version": (document(version="1.0\x00"), "control characters"),
    "half a character": (document(version="1.0\ud800"), "broken characters"),
    "an endless version": (document(version=HUGE, urls=[file_row("a")]), "1 to 200 characters"),
    "no time": (NO_TIME, "no upload time; give --uploaded-at"),
    "no file": (document(urls=[]), "version 1.0 has no upload time"),
    "a time that is none": (document(urls=[file_row("a", "soon")]), "'soon' is not an ISO 8601 time"),
    "a time before time": (document(urls=[file_row("a", "0001-01-01T00:00:00+14:00")]), "is not an ISO 8601 time"),
    "a time that is a number": (document(urls=[file_row("a", 5)]), "'5' is not an ISO 8601 time"),  # type: ignore[arg-type]
    "urls is an object": (document(urls={}), "urls is missing or not of type array"),
    "releases is a list": (document(releases=[]), "releases is missing or not of type object"),
    "a release that is a text": (document(releases={"1.0": "x"}), "releases.1.0 is missing or not of type array"),
    "a file that is a text": (document(urls=["x"]), "a file is missing or not of type object"),
    "a path as file name": (document(urls=[file_row("../a")]), "contains a path"),
    "no digest": (document(urls=[file_row("a", digests=None)]), "digests is missing"),
    "a digest of another length": (document(urls=[file_row("a", digests={"sha256": "0"})]), "64 hexadecimal digits"),
    "a negative size": (document(urls=[file_row("a", size=-1)]), "not a number of bytes"),
    "an enormous size": (document(urls=[file_row("a", size=2**63)]), "not a number of bytes"),
    "a size that is true": (document(urls=[file_row("a", size=True)]), "not a number of bytes"),
    "yanked is a text": (document(urls=[file_row("a", yanked="no")]), "neither true nor false"),
    "a reason that is a list": (document(urls=[file_row("a", yanked=True, yanked_reason=[])]), "yanked_reason is"),
    "one file, two digests": (
        document(urls=[file_row("a"), file_row("a", digests={"sha256": "1" * 64})]),
        "has two different SHA-256 values",
    ),
    "links as a list": (document(info={"name": "a", "version": "1", "project_urls": []}), "project_urls is missing"),
    "a link that is a number": (
        document(info={"name": "a", "version": "1", "project_urls": {"Source": 5}}),
        "the URL of Source is missing or not of type string",
    ),
    "an endless link": (
        document(info={"name": "a", "version": "1", "project_urls": {"Source": CODE + HUGE}}),
        "the URL of Source must have 1 to 2000 characters",
    ),
    "a NUL byte in a link": (
        document(info={"name": "a", "version": "1", "home_page": CODE + "\x00"}),
        "control characters",
    ),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_bad_document_is_refused_with_the_reason_and_the_rest_imported(
    write: Write, content: Any, reason: str
) -> None:
    bad, good = write("bad.json", content), write("good.json", document("good"))
    lines = refused(bad, good)
    assert lines[0].startswith(f"{bad}: ")
    assert reason in lines[0]
    assert list(Project.objects.values_list("name", flat=True)) == ["good"]
    assert Release.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"\x00\x01\x02", "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        (b'{"info": ', "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"info": NaN}', "NaN is not a JSON number"),
        (b'{"size": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"info": 1, "info": 2}', "the key 'info' appears twice"),
        (b'{"releases": {"1.0": [], "1.0": []}}', "the key '1.0' appears twice"),
    ],
)
def test_what_is_no_json_document_is_refused(write: Write, content: bytes, reason: str) -> None:
    path = write("bad.json", content)
    lines = refused(path)
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}: ")
    assert reason in lines[0]


def test_a_bad_line_is_named_by_its_number_and_the_others_imported(write: Write) -> None:
    good = json.dumps(document("good")).encode()
    path = write("mixed.jsonl", b"\n".join([b"{", b"", b'{"info": 5}', good, b"\x00"]))
    lines = refused(path)
    assert [line.split(":")[0] for line in lines] == [f"{path}, line {number}" for number in (1, 3, 5)]
    assert Project.objects.get().name == "good"


def test_a_document_larger_than_the_limit_is_never_read_whole(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_DOCUMENT", 2000)
    huge = json.dumps(document("huge", padding="x" * 9000)).encode()
    assert "larger than 64 MiB" in refused(write("huge.json", huge))[0]
    good = json.dumps(document("good")).encode()
    path = write("mixed.jsonl", huge + b"\n" + good + b"\n")
    assert refused(path)[0].startswith(f"{path}, line 1: larger than 64 MiB")
    assert Project.objects.get().name == "good"


def test_a_missing_file_and_a_folder_are_named(write: Write, tmp_path: Path) -> None:
    lines = refused(tmp_path / "none.json", tmp_path, write("good.json", document("good")))
    assert [line.rsplit(": ", 1)[1] for line in lines] == ["No such file or directory", "Is a directory"]
    assert Project.objects.get().name == "good"


def test_a_document_refused_half_way_leaves_nothing(write: Write) -> None:
    run(write("eggs.json", document("eggs", urls=[file_row("shared.tar.gz")])))
    before = everything()
    files = {"0.9": [file_row("spam-0.9.tar.gz")], "1.0": [file_row("shared.tar.gz")]}
    lines = refused(write("spam.json", document(releases=files)))
    assert "belongs to another release" in lines[0]
    assert everything() == before


def test_more_releases_than_any_project_has_are_refused(write: Write) -> None:
    path = write("spam.json", document(releases={str(number): [] for number in range(20_001)}))
    assert "more than 20000 releases" in refused(path)[0]


def test_what_a_stranger_wrote_plays_no_tricks_on_the_terminal(write: Write) -> None:
    line = refused(write("bad.json", document("\x1b]0;owned\x07\u202e")))[0]
    assert line.isprintable()


def test_links_of_an_imported_release_cannot_be_rewritten_by_another_import(write: Write) -> None:
    run(write("1.json", document()))
    before = links_of(Project.objects.get())
    info = {"name": "spam", "version": "1.0", "project_urls": {"Source": "https://github.com/evil/spam"}}
    run(write("2.json", document(info=info)))
    assert links_of(Project.objects.get()) == before
    assert RepositoryLink.objects.count() == 1


# Many at once --------------------------------------------------------------------------------------------------------


def as_lines(*documents: Any) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in documents)


def told(project: Project) -> tuple[Any, ...]:
    """What is known of a project, without ids and serials."""
    releases = project.releases.order_by("version")
    files = File.objects.filter(release__project=project).order_by("filename")
    return (
        project.name,
        list(releases.values_list("version", "uploaded_at", "urls", "names_boundary")),
        list(files.values_list("filename", "release__version", "sha256", "size", "uploaded_at")),
        links_of(project),
        Event.objects.filter(project_uid=project.uid).count(),
    )


def test_a_hundred_lines_take_a_fixed_number_of_queries_and_two_for_the_events_of_each(write: Write) -> None:
    path = write("all.jsonl", as_lines(*(document(f"spam{number}") for number in range(100))))
    with CaptureQueriesContext(connection) as asked:
        run(path)
    assert len(asked) <= 2 * 100 + 25
    assert Project.objects.count() == 100


def test_at_once_and_one_by_one_are_the_same(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real documents, then later news of the same projects: new releases, and an earlier time for a known one."""
    real = [json.loads(path.read_bytes()) for path in DOCUMENTS]
    found = {}
    for batch in (100, 1):
        monkeypatch.setattr(importing, "BATCH", batch)
        first = [renamed(one, f"x{batch}") for one in real]
        assert "40 projects" in run(write("first.jsonl", as_lines(*first)))
        for one in first:
            one["urls"] = [file | {"upload_time_iso_8601": "2001-01-01T00:00:00Z"} for file in one["urls"]]
        later = [document(one["info"]["name"], "99.0", urls=[], releases=early(one)) for one in first]
        run(write("later.jsonl", as_lines(*later)))
        projects = Project.objects.filter(name__startswith=f"x{batch}-").order_by("name")
        found[batch] = str([told(project) for project in projects]).replace(f"x{batch}-", "")
    assert found[100].count("datetime.datetime(2001") >= 40
    assert found[100] == found[1]


def early(document: dict[str, Any]) -> dict[str, Any]:
    """Files of a release that is new, and of the known one, which came earlier than was said."""
    name, version = document["info"]["name"], document["info"]["version"]
    return {version: document["urls"], "99.0": [file_row(f"{name}-99.0.tar.gz")]}


def renamed(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The document as another project's: files have one release in all of the index."""
    files = [one | {"filename": f"{prefix}-{one['filename']}"} for one in document["urls"]]
    name = f"{prefix}-{document['info']['name']}"
    return document | {"info": document["info"] | {"name": name}, "urls": files, "releases": {}}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"{", id="not JSON"),
        pytest.param(document("a b"), id="no name"),
        pytest.param(document("egg", urls=[file_row("spam3-1.0.tar.gz")]), id="the file of another"),
    ],
)
def test_one_bad_line_takes_no_other_with_it(write: Write, bad: Any) -> None:
    path = write("all.jsonl", as_lines(*(document(f"spam{number}") for number in range(5)), bad, document("last")))
    assert [line.partition("line ")[2][0] for line in refused(path)] == ["6"]
    assert {project.name for project in Project.objects.all()} == {*(f"spam{number}" for number in range(5)), "last"}


def test_lines_about_one_project_are_all_taken(write: Write) -> None:
    path = write("all.jsonl", as_lines(*(document(version=f"{number}.0") for number in range(5))))
    assert "New: 1 projects, 5 releases" in run(path)


def test_a_file_of_thousands_says_a_line_a_thousand_and_more_when_asked(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "IN_A_LINE", 2)
    path = write("all.jsonl", as_lines(*(document(f"spam{number}") for number in range(5))))
    assert run(path).splitlines() == [
        "2 documents read, 0 refused",
        "4 documents read, 0 refused",
        "5 documents read. New: 5 projects, 5 releases, 5 files.",
    ]
    assert "spam3: nothing new" in run(path, verbosity=2)
