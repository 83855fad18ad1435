"""The history of a project on its page: who reads it, and what of others it shows."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from recoverydesk.projects.models import Project, Role
from tests.helpers import factories
from tests.helpers.tokens import mint

PAGE = "/projects/tool/history/"
HOME = RequestOrigin(network="203.0.113.7")


@pytest.fixture
def tool(ada: User) -> Project:
    """Kim, another owner, uploaded a file with a token."""
    project, kim = factories.make_project("tool", ada), factories.make_user("kim")
    factories.add_role(project, kim)
    factories.add_app(ada)
    factories.add_app(kim)
    token = mint(kim, name="kims laptop").row.id
    record(Tag.FILE_ADD, actor=kim, project=project, token=token, origin=HOME, version="1.0", files=["tool-1.0.zip"])
    return project


def text(client: Client) -> str:
    return " ".join(client.get(PAGE).content.decode().split())


def test_an_owner_reads_the_token_and_the_shortened_network(client: Client, ada: User, tool: Project) -> None:
    client.force_login(ada)
    html = text(client)
    assert "“kims laptop” 203.0.113.0/24" in html
    assert "203.0.113.7" not in html
    client.force_login(User.objects.get(username="kim"))
    assert "“kims laptop” 203.0.113.7" in text(client)


@pytest.mark.parametrize("state", ["rest", "quarantine"])
def test_who_does_not_act_reads_neither(client: Client, ada: User, tool: Project, state: str) -> None:
    if state == "rest":
        Role.objects.filter(user=ada).update(held_at=timezone.now(), held_for=1)
    else:
        User.objects.filter(pk=ada.pk).update(quarantined_at=timezone.now())
    client.force_login(ada)
    html = text(client)
    assert "A file was uploaded." in html
    assert "laptop" not in html
    assert "203.0.113" not in html


@pytest.mark.parametrize("kind", ["maintainer", "invited", "stranger"])
def test_nobody_else_finds_it(client: Client, tool: Project, kind: str) -> None:
    mia = factories.make_user("mia")
    if kind != "stranger":
        factories.add_role(tool, mia, kind="maintainer", accepted=kind == "maintainer")
    client.force_login(mia)
    assert client.get(PAGE).status_code == 404


def test_it_asks_the_same_few_queries_at_any_size(client: Client, ada: User, tool: Project) -> None:
    client.force_login(ada)
    counts = set()
    for turn in range(2):
        text(client)
        with CaptureQueriesContext(connection) as queries:
            text(client)
        counts.add(len(queries))
        for number in range(120):
            token = mint(ada, name=f"token {turn} {number}").row.id if number % 10 == 0 else None
            record(Tag.FILE_ADD, actor=ada, project=tool, token=token, origin=HOME)
    assert len(counts) == 1
    assert max(counts) <= 15
