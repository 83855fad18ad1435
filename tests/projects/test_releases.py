"""Recording releases keeps the summary of repository links right, whatever the order."""

import itertools
from io import StringIO
from types import SimpleNamespace

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from audit.models import Event
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Release, RepositoryLink
from recoverydesk.projects.services import FileFact, InvalidFact, ReleaseFact
from tests.helpers.projects import MakeProject, Publish, day, links_of, named_by

REQUESTS = "https://github.com/psf/requests"
HISTORY = [
    ("1.0", "2020-01-01", {"Homepage": REQUESTS}),
    ("1.1", "2021-01-01", {"Source": REQUESTS, "Homepage": "https://requests.example/"}),
    ("1.2", "2021-01-01", {"Code": REQUESTS, "Tracker": "https://github.com/evil/tracker"}),
    ("2.0", "2022-01-01", {"Source": "https://gitlab.com/psf/requests"}),
    ("2.1", "2023-01-01", {}),
]


def fact(filename: str, sha256: str = "0" * 64) -> FileFact:
    return FileFact(filename, "sdist", 7, sha256, day("2024-05-01"))


def test_a_link_is_one_row_with_the_first_and_last_release_that_carry_it(spam: Project, publish: Publish) -> None:
    for version, on, links in HISTORY:
        publish(spam, version, on, **links)
    assert links_of(spam) == {
        ("home", "Homepage", REQUESTS, "github.com", "psf", "requests", *(day("2020-01-01"), "1.0") * 2),
        (
            "label",
            "Source",
            REQUESTS,
            "github.com",
            "psf",
            "requests",
            *(day("2021-01-01"), "1.1"),
            day("2021-01-01"),
            "1.2",
        ),
        (
            *("label", "Source", "https://gitlab.com/psf/requests", "gitlab.com", "psf", "requests"),
            *(day("2022-01-01"), "2.0") * 2,
        ),
    }


def test_any_order_of_releases_gives_the_same_rows(make_project: MakeProject, publish: Publish) -> None:
    results = []
    for number, order in enumerate(itertools.permutations(HISTORY)):
        if number % 10:
            continue
        project = make_project(f"spam{number}")
        for version, on, links in order:
            publish(project, version, on, **links)
        results.append(links_of(project))
    assert len(results) == 12
    assert all(result == results[0] for result in results)


def test_one_batch_gives_the_rows_that_single_releases_give(make_project: MakeProject, publish: Publish) -> None:
    singly, at_once = make_project("singly"), make_project("at-once")
    for version, on, links in HISTORY:
        publish(singly, version, on, **links)
    services.record_releases(at_once, [ReleaseFact(v, day(on), tuple(links.items())) for v, on, links in HISTORY])
    assert links_of(at_once) == links_of(singly)


def test_recording_again_changes_nothing(spam: Project) -> None:
    for _time in range(2):
        services.record_release(
            spam, version="1.0", uploaded_at=day("2024-05-01"), urls=[("Source", REQUESTS)], files=[fact("a.tar.gz")]
        )
    assert spam.releases.get().files.count() == 1
    assert Event.objects.filter(tag="project:release:add").count() == 1
    assert Event.objects.filter(tag="file:add").count() == 0


@pytest.mark.parametrize(
    ("links", "names"),
    [
        ({"Source": REQUESTS}, True),
        ({"Homepage": REQUESTS}, True),
        ({"Homepage": REQUESTS, "Source": "https://a.example/"}, True),
        ({"Download-URL": REQUESTS, "Source": "https://a.example/"}, True),
        ({"Homepage": "https://a.example/", "Source": "https://a.example/"}, False),
        ({"Homepage": "https://github.com/psf"}, False),
        ({"Homepage": "https://launchpad.net/launchpadlib"}, False),
        ({"Tracker": REQUESTS}, False),
        ({}, False),
    ],
)
def test_a_release_names_a_boundary_only_by_a_counting_link(
    spam: Project, publish: Publish, links: dict[str, str], names: bool
) -> None:
    assert publish(spam, "1.0", "2024-05-01", **links).names_boundary is names
    assert bool(named_by(spam)) is names


def test_a_link_that_names_no_repository_is_kept_but_does_not_count(spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2024-05-01", Source="https://www.dulwich.io/code/")
    assert spam.links.get().host == ""
    assert not spam.links.counting().exists()


def test_unknown_links_name_nothing_until_somebody_tells(spam: Project) -> None:
    unknown = services.record_release(spam, version="1.0", uploaded_at=day("2024-05-01"), urls=None)
    assert (unknown.urls, unknown.names_boundary) == (None, False)
    known = services.record_release(spam, version="1.0", uploaded_at=day("2024-05-01"), urls=[("Source", REQUESTS)])
    assert known.names_boundary
    assert Event.objects.filter(tag="project:change").count() == 1
    assert named_by(spam) == {("github.com", "psf", "requests")}


def test_known_links_stay_when_somebody_knows_nothing(spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2024-05-01", Source=REQUESTS)
    again = services.record_release(spam, version="1.0", uploaded_at=day("2024-05-01"), urls=None)
    assert again.names_boundary


def test_a_later_file_cannot_date_a_link_back(spam: Project) -> None:
    """A thief who may upload must not make a new link look as old as the release it is added to."""
    services.record_release(spam, version="1.0", uploaded_at=day("2020-01-01"), urls=None)
    services.record_release(spam, version="2.0", uploaded_at=day("2020-01-01"), urls=[("Source", REQUESTS)])
    before = links_of(spam)
    for version in ("1.0", "2.0"):
        stolen = [("Source", "https://github.com/evil/spam")]
        services.record_release(
            spam, version=version, uploaded_at=day("2024-05-01"), urls=stolen, files=[fact(f"spam-{version}.whl")]
        )
    assert links_of(spam) == before
    assert Event.objects.filter(tag="file:add").count() == 2


def test_an_earlier_time_moves_the_release_and_its_links(spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2024-05-01", Source=REQUESTS)
    publish(spam, "1.0", "2023-05-01", Source=REQUESTS)
    publish(spam, "1.0", "2025-05-01", Source=REQUESTS)
    link = spam.links.get()
    assert link.first_seen == link.last_seen == spam.releases.get().uploaded_at == day("2023-05-01")


def test_a_deletion_is_noted_and_the_link_stays(spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2024-05-01", Source=REQUESTS)
    services.record_release(spam, version="1.0", uploaded_at=day("2024-05-01"), urls=None, deleted_at=day("2024-06-01"))
    assert spam.releases.get().deleted_at == day("2024-06-01")
    assert Event.objects.filter(tag="project:release:remove", project_uid=spam.uid).count() == 1
    assert named_by(spam) == {("github.com", "psf", "requests")}


def test_a_file_of_another_release_or_with_another_digest_is_refused(spam: Project, make_project: MakeProject) -> None:
    def publish(project: Project, version: str, file: FileFact) -> None:
        services.record_release(project, version=version, uploaded_at=day("2024-05-01"), urls=[], files=[file])

    publish(spam, "1.0", fact("spam.tar.gz"))
    with pytest.raises(InvalidFact, match="another release"):
        publish(make_project("eggs"), "1.0", fact("spam.tar.gz"))
    with pytest.raises(InvalidFact, match="another SHA-256"):
        publish(spam, "1.0", fact("spam.tar.gz", "1" * 64))
    assert Release.objects.count() == 1


@pytest.mark.parametrize(
    ("version", "links"),
    [
        ("", {}),
        ("x" * 201, {}),
        ("1.0\x00", {}),
        ("\ud800", {}),
        ("1.0", {"x" * 201: REQUESTS}),
        ("1.0", {"Source": "https://a.example/" + "x" * 2000}),
        ("1.0", {"Source": "https://a.example/" + "é" * 1500}),
        ("1.0", {"Source": "https://a.example/\r\nx"}),
    ],
)
def test_what_no_table_holds_is_refused_by_name(
    spam: Project, publish: Publish, version: str, links: dict[str, str]
) -> None:
    with pytest.raises(InvalidFact):
        publish(spam, version, "2024-05-01", **links)
    assert not Release.objects.exists()


def test_one_upload_into_a_large_project_takes_a_fixed_number_of_queries(
    spam: Project, publish: Publish, django_assert_max_num_queries: object, settings: LazySettings
) -> None:
    settings.PROJECTS_URL_PARSER = "tests.projects.test_releases.every_path_is_a_repository"
    facts = [
        ReleaseFact(f"1.{n}", day("2024-05-01"), (("Source", f"https://git.example/a/{n % 20}"),)) for n in range(500)
    ]
    services.record_releases(spam, facts)
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        publish(spam, "2.0", "2024-06-01", Source="https://git.example/a/1", Code="https://git.example/b/1")


# Reading stored links again ------------------------------------------------------------------------------------------


def every_path_is_a_repository(url: str) -> SimpleNamespace:
    """A parser that believes everything."""
    host, owner, repository = url.removeprefix("https://").split("/")[:3]
    return SimpleNamespace(host=host, namespace=owner, repository=repository)


def nothing_is_a_repository(url: str) -> SimpleNamespace:
    """A parser that believes nothing."""
    return SimpleNamespace(host="", namespace="", repository="")


def half_a_place(url: str) -> SimpleNamespace:
    """A parser that knows the owner only."""
    return SimpleNamespace(host="git.example", namespace="a", repository="")


def believe(settings: LazySettings, parser: object) -> None:
    settings.PROJECTS_URL_PARSER = f"tests.projects.test_releases.{parser.__name__}"  # type: ignore[attr-defined]


def test_a_place_without_repository_is_none(spam: Project, publish: Publish, settings: LazySettings) -> None:
    believe(settings, half_a_place)
    publish(spam, "1.0", "2024-05-01", Source="https://git.example/a/")
    assert (spam.links.get().host, spam.links.get().namespace) == ("", "")


def test_adding_and_removing_a_code_host_reads_its_links_again(
    spam: Project, make_project: MakeProject, publish: Publish, settings: LazySettings
) -> None:
    believe(settings, nothing_is_a_repository)
    publish(spam, "1.0", "2024-05-01", Source="https://GIT.example:8443/team/tool")
    publish(spam, "1.1", "2024-06-01", Homepage="https://git.example:8443/team/home", Docs="https://git.example/a/b")
    services.record_release(spam, version="0.1", uploaded_at=day("2020-01-01"), urls=None)
    other = make_project("other")
    publish(other, "1.0", "2024-05-01", Source="https://elsewhere.example/a/b")

    believe(settings, every_path_is_a_repository)
    assert services.reread_links("git.example:8443") == 1
    assert {place[1:] for place in named_by(spam)} == {("team", "tool"), ("team", "home")}
    named = dict(spam.releases.values_list("version", "names_boundary"))
    assert named == {"0.1": False, "1.0": True, "1.1": True}
    assert named_by(other) == set()
    assert services.reread_links("git.example:8443") == 0

    believe(settings, nothing_is_a_repository)
    assert services.reread_links("git.example:8443") == 1
    assert named_by(spam) == set()
    assert not spam.releases.filter(names_boundary=True).exists()
    assert RepositoryLink.objects.filter(project=spam).count() == 2


def test_a_home_page_counts_only_while_no_source_link_leads_to_a_repository(
    spam: Project, publish: Publish, settings: LazySettings
) -> None:
    believe(settings, nothing_is_a_repository)
    publish(spam, "1.0", "2024-05-01", Source="https://git.example/team/tool", Homepage="https://home.example/a/b")
    assert RepositoryLink.objects.filter(project=spam).count() == 2
    believe(settings, every_path_is_a_repository)
    assert services.reread_links("git.example") == 1
    assert {place[1:] for place in named_by(spam)} == {("team", "tool")}


def test_everything_is_read_again_after_an_update_that_reads_otherwise(
    spam: Project, make_project: MakeProject, publish: Publish, settings: LazySettings
) -> None:
    believe(settings, nothing_is_a_repository)
    publish(spam, "1.0", "2024-05-01", Source="https://git.example/team/tool")
    RepositoryLink.objects.all().delete()  # as an older release left it, whose labels were fewer
    make_project("empty")
    believe(settings, every_path_is_a_repository)
    for said in ("1 projects read, 1 of them", "1 projects read, 0 of them"):
        call_command("reread_links", stdout=(out := StringIO()))
        assert said in out.getvalue()
    assert {place[1:] for place in named_by(spam)} == {("team", "tool")}


def test_an_international_host_is_found_in_either_spelling(
    spam: Project, publish: Publish, settings: LazySettings
) -> None:
    believe(settings, nothing_is_a_repository)
    publish(spam, "1.0", "2024-05-01", Source="https://gït.example/a/b")
    publish(spam, "1.1", "2024-05-01", Source="https://xn--gt-nja.example/c/d")
    believe(settings, every_path_is_a_repository)
    services.reread_links("gït.example".encode("idna").decode())
    assert {place[1:] for place in named_by(spam)} == {("a", "b"), ("c", "d")}
