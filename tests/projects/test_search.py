"""The search: what it finds, in which order, what it never shows, and what one question may cost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects import searching, withdrawals
from recoverydesk.projects.models import About, Project, Release
from tests.helpers import factories

pytestmark = pytest.mark.django_db


def make(name: str, owner: User, summary: str = "", version: str = "1.0", days: int = 10) -> Project:
    """A project whose release of this version, so many days old, says this."""
    project = Project.objects.filter(normalized_name=name).first() or factories.make_project(
        name, owner, version=version
    )
    release, _new = Release.objects.update_or_create(
        project=project, version=version, defaults={"uploaded_at": timezone.now() - timedelta(days=days)}
    )
    About.objects.update_or_create(release=release, defaults={"summary": summary})
    return project


def names(text: str) -> list[str]:
    return [hit.normalized_name for hit in searching.read(searching.find(searching.words_of(text)))]


def test_it_finds_words_of_names_and_summaries_the_closest_name_first(ada: User) -> None:
    make("my-http-client", ada)
    make("http", ada)
    make("httpx", ada)
    make("other", ada, "speaks HTTP and more")
    make("nothing", ada, "of that")
    assert names("http") == ["http", "httpx", "my-http-client", "other"]
    assert names("HTTP more") == ["other"]
    assert names("client http") == ["my-http-client"]
    assert names("Http_Client") == ["my-http-client"]
    assert names("absent") == names("") == names("-") == []


def test_short_words_are_looked_for_where_names_begin(ada: User) -> None:
    make("uv", ada)
    make("uvloop", ada)
    make("luvs", ada, "uv")
    assert names("uv") == ["uv", "uvloop"]
    assert names("u loop") == ["uvloop"]


@pytest.mark.parametrize("text", ["%", "_", "100%", "a_b", "\\", "'; --", "[a-z]*", "\x00", "é" * 300, "%%%%"])
def test_signs_mean_themselves(ada: User, text: str, client: Client) -> None:
    make("sample", ada, "plain words")
    assert names(text) == []
    assert client.get("/search/", {"q": text}).status_code == (400 if text == "\x00" else 200)


def test_a_sign_is_found_where_it_stands(ada: User) -> None:
    make("sample", ada, "100% done, a_b")
    assert names("100%") == names("a_b") == ["sample"]


def test_only_the_newest_offered_release_speaks_for_a_project(ada: User) -> None:
    project = make("sample", ada, "old words", days=20)
    make("sample", ada, "fresh words", version="2.0", days=5)
    assert (names("old"), names("fresh")) == ([], ["sample"])
    newest = project.releases.get(version="2.0")
    withdrawals.yank(newest, actor=ada, reason="bad")
    assert (names("old"), names("fresh")) == (["sample"], [])
    withdrawals.unyank(newest, actor=ada)
    Release.objects.filter(pk=newest.pk).update(uploaded_at=timezone.now())
    withdrawals.delete(Release.objects.get(pk=newest.pk), actor=ada)
    assert (names("old"), names("fresh")) == (["sample"], [])
    assert [hit.summary for hit in searching.read([project.pk])] == ["old words"]


def test_what_is_quarantined_or_deleted_is_not_found(ada: User, client: Client) -> None:
    make("sample", ada, "sealed orders")
    staged = factories.make_project("only-staged", ada)
    staged.releases.all().delete()
    assert names("only") == []
    for quarantined in (True, False):
        assert names("sample") == names("sealed") == ["sample"]
        if quarantined:
            Project.objects.update(status="quarantined")
        else:
            Release.objects.update(deleted_at=timezone.now())
        assert names("sample") == names("sealed") == []
        assert "orders" not in client.get("/search/?q=sealed").content.decode()
        Project.objects.update(status="archived")
        Release.objects.update(deleted_at=None)
    assert "archived" in client.get("/search/?q=sealed").content.decode()


def test_pages_have_twenty_and_a_search_two_hundred(
    ada: User, client: Client, django_assert_max_num_queries: Any
) -> None:
    rows = Project.objects.bulk_create(
        Project(name=f"many-{number:03}", normalized_name=f"many-{number:03}") for number in range(230)
    )
    when = timezone.now()
    Release.objects.bulk_create(Release(project=row, version="1.0", uploaded_at=when) for row in rows)
    assert len(searching.find(["many"])) == 200
    with django_assert_max_num_queries(15):
        page = client.get("/search/?q=many&page=2").content.decode()
    assert ("We show at most 200 projects." in page, page.count('href="/projects/many-')) == (True, 20)
    assert 'href="?q=many&amp;page=3"' in page
    assert client.get("/search/?q=many&page=99").status_code == client.get("/search/?q=many&page=x").status_code == 200


def test_a_search_is_bounded_and_counted(client: Client, settings: Any) -> None:
    assert searching.words_of("a" * 5000) == ["a" * 100]
    assert searching.words_of("b a b c d e f") == ["b", "a", "c", "d", "e"]
    settings.ACCOUNT_RATE_LIMITS = {"search": "2/m/ip"}
    assert [client.get("/search/?q=x").status_code for _time in range(3)] == [200, 200, 429]
    assert client.get("/search/").status_code == 200  # the empty form asks nothing


def test_what_was_typed_is_shown_as_text(client: Client) -> None:
    page = client.get("/search/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert ("<script>alert" in page, "&quot;&gt;&lt;script&gt;alert(1)" in page) == (False, True)


def test_public_pages_lead_to_it(client: Client, ada: User) -> None:
    make("sample", ada)
    for page in ("/", "/projects/sample/", "/account/login/"):
        assert 'href="/search/"' in client.get(page).content.decode()


def test_a_private_search_asks_who_reads(client: Client, ada: User, settings: Any) -> None:
    settings.INDEX_PRIVATE = True
    make("sample", ada, "sealed orders")
    assert client.get("/search/?q=sealed")["Location"] == "/account/login/?next=/search/%3Fq%3Dsealed"
    client.force_login(ada)
    assert "sealed orders" in client.get("/search/?q=sealed").content.decode()


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_postgresql_finds_words_by_an_index(ada: User) -> None:
    make("sample", ada, "plain words")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        by_name = Project.objects.filter(normalized_name__contains="ampl")
        by_summary = About.objects.filter(summary__icontains="words")
        plans = by_name.explain() + by_summary.explain()
    assert ("project_name_trigrams" in plans, "about_summary_trigrams" in plans) == (True, True), plans
