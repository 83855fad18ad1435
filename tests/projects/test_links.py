"""Which repositories count for a subject, in one query whatever the size."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from recoverydesk.projects import links, services
from recoverydesk.projects.models import Project
from recoverydesk.projects.services import ReleaseFact
from tests.helpers.projects import MakeProject, Publish, day, own

NOW = day("2026-11-01")
YEAR = timedelta(days=365)


def found(user: User) -> set[tuple[str, str, str]]:
    return {(link.project, link.namespace, link.repository) for link in links.subject_links(user, before=NOW)}


def test_links_of_roles_count_and_of_invitations_do_not(ada: User, make_project: MakeProject, publish: Publish) -> None:
    owned, invited, foreign = map(make_project, ("owned", "invited", "foreign"))
    for project in (owned, invited, foreign):
        publish(project, "1.0", "2024-05-01", Source=f"https://github.com/{project.name}/x")
    own(ada, owned, kind="maintainer")
    services.add_role(ada, invited, "owner", actor="system", invited=True, created_at=day("2024-06-01"))
    assert found(ada) == {("owned", "owned", "x")}


def test_a_later_role_or_link_does_not_count(ada: User, make_project: MakeProject, publish: Publish) -> None:
    late_role, late_link = make_project("late-role"), make_project("late-link")
    publish(late_role, "1.0", "2024-05-01", Source="https://github.com/a/b")
    publish(late_link, "1.0", "2026-11-02", Source="https://github.com/a/b")
    own(ada, late_role, since="2026-11-01")
    own(ada, late_link)
    assert found(ada) == set()


def test_a_fact_carries_the_releases_that_prove_it(ada: User, spam: Project, publish: Publish) -> None:
    own(ada, spam)
    for version, on in (("1.1", "2024-05-01"), ("1.0", "2023-05-01"), ("1.2", "2025-05-01")):
        publish(spam, version, on, **{"Source Code": "https://github.com/ada/Spam.git"})
    assert links.subject_links(ada, before=NOW) == [
        links.LinkFact(
            project_id=spam.pk,
            project="spam",
            label="Source Code",
            url="https://github.com/ada/Spam.git",
            host="github.com",
            namespace="ada",
            repository="spam",
            first_release="1.0",
            first_seen=day("2023-05-01"),
            last_release="1.2",
            last_seen=day("2025-05-01"),
        )
    ]


def test_links_of_deleted_releases_count(ada: User, spam: Project) -> None:
    own(ada, spam)
    gone = [("Source", "https://github.com/ada/spam")]
    services.record_release(spam, version="1.0", uploaded_at=day("2024-05-01"), urls=gone, deleted_at=day("2024-05-02"))
    assert found(ada) == {("spam", "ada", "spam")}


@pytest.mark.parametrize("size", [1, 60])
def test_links_and_when_they_were_last_named_are_one_query_each(
    ada: User, make_project: MakeProject, django_assert_num_queries: object, size: int
) -> None:
    projects = [make_project(f"p{number}") for number in range(size)]
    for project in projects:
        own(ada, project)
        urls = (("Source", f"https://github.com/o{project.pk}/r"),)
        releases = [ReleaseFact(f"1.{n}", day(f"20{n + 10}-05-01"), urls) for n in range(17)]
        services.record_releases(project, releases)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(links.subject_links(ada, before=NOW)) == size
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(links.last_named([project.pk for project in projects], cutoff=NOW - YEAR, before=NOW)) == size


def last_named(project: Project) -> datetime | None:
    return links.last_named([project.pk], cutoff=NOW - YEAR, before=NOW).get(project.pk)


def test_last_named_is_the_newest_naming_release_before_the_cutoff(spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2020-01-01", Source="https://github.com/a/b")
    publish(spam, "1.1", "2021-01-01", Source="https://github.com/c/d")
    publish(spam, "1.2", "2022-01-01")
    services.record_release(spam, version="1.3", uploaded_at=day("2023-01-01"), urls=None)
    assert last_named(spam) is None  # no release of the last year
    publish(spam, "2.0", "2026-05-01", Source="https://github.com/c/d")
    publish(spam, "3.0", "2026-12-01")  # after the request
    assert last_named(spam) == day("2021-01-01")


@pytest.mark.parametrize("urls", [None, [], [("Homepage", "https://example.org")]])
def test_a_release_of_the_last_year_that_names_nothing_lets_nothing_retire(
    spam: Project, publish: Publish, urls: list[tuple[str, str]] | None
) -> None:
    publish(spam, "1.0", "2020-01-01", Source="https://github.com/a/b")
    publish(spam, "2.0", "2026-05-01", Source="https://github.com/c/d")
    assert last_named(spam) is not None
    services.record_release(spam, version="2.1", uploaded_at=day("2026-04-01"), urls=urls)
    assert last_named(spam) is None


def test_a_release_at_the_cutoff_is_old_and_one_at_the_request_counts(spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2025-11-01", Source="https://github.com/a/b")
    assert last_named(spam) is None
    publish(spam, "2.0", "2026-11-01", Source="https://github.com/a/b")
    assert last_named(spam) == day("2025-11-01")


def test_a_project_without_releases_never_named_anything(spam: Project) -> None:
    assert last_named(spam) is None
    assert links.last_named([], cutoff=NOW - YEAR, before=NOW) == {}
