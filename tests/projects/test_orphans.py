"""Projects without an owner who could act: which they are, and that staff find them."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects import holds, orphans
from recoverydesk.projects.models import Project, Role
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.tickets import make_admin, make_moderator

pytestmark = pytest.mark.django_db
LIST = "/admin/projects/project/?owners=none"


@pytest.fixture
def tool(ada: User) -> Project:
    return factories.make_project("tool", ada)


def _gone(ada: User) -> None:
    Role.objects.filter(user=ada).delete()


def _frozen(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(frozen_at=timezone.now())


def _deactivated(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False)


def _steps_down(ada: User) -> None:
    Role.objects.filter(user=ada).update(kind="maintainer")


def _only_invited(ada: User) -> None:
    Role.objects.filter(user=ada).update(accepted_at=None)


def _rests(ada: User) -> None:
    holds.hold(ada, ["tool"], actor="system", ticket=7)


def _in_quarantine(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(quarantined_at=timezone.now())


@pytest.mark.parametrize("left", [_gone, _frozen, _deactivated, _steps_down, _only_invited])
def test_a_project_without_an_open_owner_is_an_orphan(ada: User, tool: Project, left: Callable[[User], None]) -> None:
    kim = factories.make_user("kim")
    factories.make_project("eggs", kim)
    factories.add_role(tool, kim, kind="maintainer")
    assert not orphans.orphans().exists()
    left(ada)
    assert list(orphans.orphans()) == [tool]
    assert orphans.is_orphan(tool.roles.select_related("user"))
    factories.add_role(tool, factories.make_user("bo"))
    assert not orphans.orphans().exists()
    assert not orphans.is_orphan(tool.roles.select_related("user"))


@pytest.mark.parametrize("state", [_rests, _in_quarantine])
def test_who_only_waits_is_an_owner_still(ada: User, tool: Project, state: Callable[[User], None]) -> None:
    state(ada)
    assert not orphans.orphans().exists()


def test_staff_find_them_in_the_list_and_read_what_to_do(ada: User, tool: Project) -> None:
    factories.make_project("eggs", factories.make_user("kim"))
    client = browser(make_moderator())
    _frozen(ada)
    listed = client.get(LIST).content.decode()
    assert f"{QUEUE}project/{tool.pk}/" in listed
    assert ">eggs<" not in listed
    assert 'href="?owners=none"' in client.get("/admin/projects/project/").content.decode()
    page = " ".join(client.get(f"{QUEUE}project/{tool.pk}/").content.decode().split())
    assert "This project has no owner who can act." in page
    assert f'href="{QUEUE}account/{ada.pk}/"' in page
    assert '<span class="badge bad">frozen</span>' in page


def test_the_list_asks_the_same_few_queries_at_any_size(ada: User, tool: Project) -> None:
    client = browser(make_admin())
    counts = set()
    for number in (3, 40):
        for one in range(number):
            factories.make_project(f"p{number}-{one}", ada if one % 2 else None)
        client.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(LIST).status_code == 200
        counts.add(len(queries))
    assert len(counts) == 1
    assert max(counts) <= 15
