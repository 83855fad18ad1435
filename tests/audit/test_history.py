from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from audit.history import for_project, for_subject
from audit.log import RequestOrigin, record
from audit.models import Event, EventDetail
from audit.tags import Tag
from tests.helpers.sealed import Somebody

pytestmark = pytest.mark.django_db
FROM_HOME = RequestOrigin(network="203.0.113.7", device="Firefox")


def test_history_is_newest_first_and_only_ones_own(who: Somebody, kim: Somebody) -> None:
    record(Tag.ACCOUNT_CREATE, actor=who, subject=who)
    record(Tag.ACCOUNT_CREATE, actor=kim, subject=kim)
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=who, subject=who, origin=FROM_HOME)
    lines = for_subject(who.uid)
    assert [line.sentence for line in lines] == ["Somebody signed in.", "The account was created."]
    assert (lines[0].actor, lines[0].network, lines[0].device) == ("you", "203.0.113.7", "Firefox")


def test_staff_have_neither_name_nor_network_in_a_users_history(who: Somebody, kim: Somebody) -> None:
    record(Tag.ACCOUNT_RECOVERY_RESET, actor=kim, subject=who, ticket=7, origin=FROM_HOME, reason="all proved")
    line = for_subject(who.uid)[0]
    assert (line.actor, line.ticket) == ("the recovery desk", 7)
    assert not {"kim", "203.0.113.7", "Firefox", "all proved"} & set(map(str, vars(line).values()))


def test_people_of_the_same_project_are_named(who: Somebody, kim: Somebody) -> None:
    record(Tag.ACCOUNT_ROLE_REMOVE, actor=kim, subject=who)
    assert for_subject(who.uid)[0].actor == "kim"


def test_a_co_owners_dispute_names_nobody(who: Somebody, kim: Somebody) -> None:
    record(Tag.ACCOUNT_RECOVERY_DISPUTE, actor=kim, subject=who)
    assert for_subject(who.uid)[0].actor == "a co-owner or the recovery desk"


@pytest.mark.parametrize(
    ("actor", "read_as"),
    [
        ("system", "the system"),
        ("claimant", "whoever asked for recovery"),
        ("address holder", "somebody with one of your addresses"),
    ],
)
def test_actors_without_an_account_read_as_plain_words(who: Somebody, actor: str, read_as: str) -> None:
    record(Tag.ACCOUNT_RECOVERY_STOP, actor=actor, subject=who)
    assert for_subject(who.uid)[0].actor == read_as


def test_an_erased_detail_leaves_its_line(who: Somebody) -> None:
    record(Tag.ACCOUNT_LOGIN_FAILURE, actor="system", subject=who, origin=FROM_HOME)
    EventDetail.objects.all().delete()
    assert [(line.sentence, line.network) for line in for_subject(who.uid)] == [("A sign-in failed.", "")]


def test_an_event_of_a_tag_nobody_knows_any_more_is_still_shown(who: Somebody) -> None:
    Event.objects.create(tag="account:old:thing", actor_name="system", subject_uid=who.uid)
    assert for_subject(who.uid)[0].sentence == "account:old:thing"


def test_a_hundred_lines_are_two_queries(who: Somebody, django_assert_num_queries: Callable[[int], Any]) -> None:
    for _ in range(12):
        record(Tag.ACCOUNT_LOGOUT, actor=who, subject=who, origin=FROM_HOME)
    with django_assert_num_queries(2):
        assert len(for_subject(who.uid, limit=10)) == 10


@dataclass
class SomeProject:
    name: str = "sample"
    uid: UUID = field(default_factory=uuid4)


def test_the_desk_is_not_named_where_it_touches_roles(who: Somebody, kim: Somebody) -> None:
    record(Tag.PROJECT_ROLE_CHANGE, actor=kim, subject=who, ticket=7, project=SomeProject())
    assert for_subject(who.uid)[0].actor == "the recovery desk"


def test_owners_read_their_projects_history(who: Somebody, kim: Somebody) -> None:
    project = SomeProject()
    record(Tag.PROJECT_CREATE, actor="system", project=project)
    record(Tag.PROJECT_ROLE_ADD, actor=who, subject=kim, project=project, origin=FROM_HOME)
    record(Tag.PROJECT_RELEASE_ADD, actor=kim, project=project, version="1.0")
    record(Tag.PROJECT_ROLE_CHANGE, actor=kim, subject=who, project=project, ticket=7)
    record(Tag.PROJECT_CREATE, actor=kim, project=SomeProject())
    lines = for_project(project.uid, reader=who.uid)
    assert [(line.actor, line.subject, line.about) for line in lines] == [
        ("the recovery desk", "ada", ""),
        ("kim", "", "1.0"),
        ("you", "kim", ""),
        ("the system", "", ""),
    ]
    assert "203.0.113.7" not in str(lines)
    assert for_project(project.uid, reader=who.uid, before=lines[1].id) == lines[2:]


def test_owners_read_from_where_people_acted_on_the_project(who: Somebody, kim: Somebody) -> None:
    """Their own networks whole, other people's cut short, and of staff and of who only answers nothing."""
    project = SomeProject()
    six = RequestOrigin(network="2001:db8:1:2:3::4")
    record(Tag.FILE_ADD, actor=who, project=project, origin=FROM_HOME)
    record(Tag.FILE_ADD, actor=kim, project=project, origin=FROM_HOME)
    record(Tag.PROJECT_ROLE_CHANGE, actor=kim, subject=who, project=project, origin=six)
    record(Tag.PROJECT_STATUS, actor=kim, project=project, origin=FROM_HOME, by="staff")
    record(Tag.PROJECT_ROLE_HOLD, actor=kim, subject=who, project=project, origin=FROM_HOME, ticket=7)
    record(Tag.PROJECT_ROLE_ADD, actor=kim, subject=kim, project=project, origin=FROM_HOME)
    record(Tag.ACCOUNT_ROLE_DECLINE_INVITE, actor=kim, subject=kim, project=project, origin=FROM_HOME)
    record(Tag.FILE_ADD, actor=kim, project=project, origin=RequestOrigin(network="somewhere"))
    record(Tag.FILE_ADD, actor="system", project=project, origin=FROM_HOME)
    shown = [line.network for line in for_project(project.uid, reader=who.uid, networks=True)]
    assert shown[::-1] == ["203.0.113.7", "203.0.113.0/24", "2001:db8:1::/48", "", "", "", "", "", ""]


def test_a_projects_history_is_one_query(who: Somebody, django_assert_num_queries: Callable[[int], Any]) -> None:
    project = SomeProject()
    for _ in range(5):
        record(Tag.FILE_ADD, actor=who, project=project)
    with django_assert_num_queries(1):
        assert len(for_project(project.uid, reader=who.uid, limit=3)) == 3
