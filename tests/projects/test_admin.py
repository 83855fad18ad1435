"""The admin shows projects and API tokens, and changes neither."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from accounts.models import User
from recoverydesk.projects.models import Project
from tests.helpers.projects import Publish
from tokens.models import ApiToken


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("chief", "chief@example.org")


@pytest.mark.parametrize("model", [Project, ApiToken])
def test_nobody_adds_changes_or_deletes_here(chief: User, rf: RequestFactory, model: type) -> None:
    request = rf.get("/")
    request.user = chief
    page = admin.site._registry[model]
    assert page.has_view_permission(request)
    assert not page.has_add_permission(request)
    assert not page.has_change_permission(request)
    assert not page.has_delete_permission(request)
    request.user = AnonymousUser()
    assert not page.has_view_permission(request)


def test_projects_are_found_by_name_and_host(chief: User, rf: RequestFactory, spam: Project, publish: Publish) -> None:
    publish(spam, "1.0", "2024-05-01", Source="https://github.com/a/b", Code="https://github.com/c/d")
    request = rf.get("/")
    request.user = chief
    page = admin.site._registry[Project]
    for query, expected in (("SPAM", [spam]), ("github.com", [spam]), ("gitlab.com", [])):
        found, duplicates = page.get_search_results(request, Project.objects.all(), query)
        assert list(found.distinct() if duplicates else found) == expected
