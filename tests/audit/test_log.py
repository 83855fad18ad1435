from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import RequestFactory

from audit.log import RequestOrigin, origin_of, record
from audit.models import Event, EventDetail
from audit.tags import Tag
from tests.helpers.sealed import Somebody

pytestmark = pytest.mark.django_db
FROM_HOME = RequestOrigin(network="203.0.113.7", device="Firefox")
Counter = Callable[[int], Any]


@dataclass
class SomeProject:
    name: str
    uid: UUID


def detail_of(event: Event) -> EventDetail:
    return EventDetail.objects.get(event_id=event.id)


def test_an_event_keeps_ids_and_copies_of_names(who: Somebody, kim: Somebody) -> None:
    project, token = SomeProject("sample", uuid4()), uuid4()
    made = record(Tag.PROJECT_ROLE_ADD, actor=kim, subject=who, ticket=7, project=project, token=token, role="owner")
    event = Event.objects.get(pk=made.pk)
    assert (event.tag, event.ticket, event.data) == ("project:role:add", 7, {"role": "owner"})
    assert (event.actor_uid, event.actor_name) == (kim.uid, "kim")
    assert (event.subject_uid, event.subject_name) == (who.uid, "ada")
    assert (event.project_uid, event.project_name, event.token_id) == (project.uid, "sample", token)
    assert event.time is not None
    assert event.time == made.time


def test_an_actor_without_an_account_has_only_a_name(who: Somebody) -> None:
    event = record(Tag.ACCOUNT_RECOVERY_OPEN, actor="claimant", subject=who)
    assert (event.actor_uid, event.actor_name) == (None, "claimant")


def test_one_query_without_an_origin_two_with(who: Somebody, django_assert_num_queries: Counter) -> None:
    with django_assert_num_queries(1):
        record(Tag.ACCOUNT_LOGOUT, actor=who, subject=who)
    with django_assert_num_queries(2):
        record(Tag.ACCOUNT_LOGOUT, actor=who, subject=who, origin=FROM_HOME)


def test_no_detail_row_when_there_is_nothing_to_put_in_it(who: Somebody) -> None:
    event = record(Tag.ACCOUNT_LOGOUT, actor=who, subject=who, origin=RequestOrigin())
    assert event.commitment == ""
    assert not EventDetail.objects.exists()


def test_the_events_commitment_verifies_its_detail(who: Somebody) -> None:
    event = record(Tag.ACCOUNT_EMAIL_ADD, actor=who, subject=who, origin=FROM_HOME, address="ada@example.org")
    detail = detail_of(event)
    assert (detail.network, detail.device, detail.address) == ("203.0.113.7", "Firefox", "ada@example.org")
    assert detail.commitment() == Event.objects.get(pk=event.pk).commitment


@pytest.mark.parametrize("column", ["salt", "network", "device", "address"])
def test_a_changed_detail_no_longer_verifies(who: Somebody, column: str) -> None:
    event = record(Tag.ACCOUNT_EMAIL_ADD, actor=who, subject=who, origin=FROM_HOME, address="ada@example.org")
    detail = detail_of(event)
    setattr(detail, column, getattr(detail, column) + "x")
    assert detail.commitment() != event.commitment


def test_text_cannot_move_from_one_column_to_the_next_unseen(who: Somebody) -> None:
    event = record(Tag.ACCOUNT_LOGOUT, actor=who, origin=RequestOrigin(network="ab", device="c"))
    detail = detail_of(event)
    detail.network, detail.device = "a", "bc"
    assert detail.commitment() != event.commitment


def test_equal_details_have_different_commitments(who: Somebody) -> None:
    one, two = (record(Tag.ACCOUNT_LOGOUT, actor=who, origin=FROM_HOME) for _ in range(2))
    assert one.commitment != two.commitment


def test_erasing_a_detail_leaves_its_event(who: Somebody) -> None:
    event = record(Tag.ACCOUNT_LOGOUT, actor=who, subject=who, origin=FROM_HOME)
    detail_of(event).delete()
    assert Event.objects.get(pk=event.pk).commitment == event.commitment


@pytest.mark.django_db(transaction=True)
def test_an_event_dies_with_the_transaction_it_was_written_in(who: Somebody) -> None:
    with transaction.atomic():
        record(Tag.ACCOUNT_FREEZE, actor=who, subject=who, origin=FROM_HOME)
        assert Event.objects.exists()
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not EventDetail.objects.exists()


@transaction.atomic
def log_out_and_write_what_is_no_json(who: Somebody) -> None:
    record(Tag.ACCOUNT_LOGOUT, actor=who)
    record(Tag.ACCOUNT_FREEZE, actor=who, what=object())


@pytest.mark.django_db(transaction=True)
def test_an_event_that_cannot_be_written_undoes_what_it_records(who: Somebody) -> None:
    with pytest.raises(TypeError, match="JSON serializable"):
        log_out_and_write_what_is_no_json(who)
    assert not Event.objects.exists()


def test_no_request_has_no_origin() -> None:
    assert origin_of(None) == RequestOrigin()


def test_the_client_address_is_the_peers_unless_a_proxy_is_trusted(settings: Any) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="198.51.100.9, 203.0.113.5")
    assert origin_of(request).network == "192.0.2.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert origin_of(request).network == "203.0.113.5"


def test_an_ipv4_peer_of_a_socket_for_both_families_keeps_its_own_address() -> None:
    assert origin_of(RequestFactory().get("/", REMOTE_ADDR="::ffff:192.0.2.1")).network == "192.0.2.1"
    assert origin_of(RequestFactory().get("/", REMOTE_ADDR="2001:db8::1")).network == "2001:db8::1"


def test_a_peer_without_an_address_is_no_error() -> None:
    assert origin_of(RequestFactory().get("/", REMOTE_ADDR="")).network == ""


def test_the_device_is_one_line_of_at_most_300_characters() -> None:
    request = RequestFactory().get("/", HTTP_USER_AGENT="a\r\n\x1b[31m\u2028\x00b" + "x" * 500)
    device = origin_of(request).device
    assert device.startswith("a[31mbx")
    assert len(device) == 300


def test_names_longer_than_the_column_are_cut_on_every_database() -> None:
    event = record(Tag.ACCOUNT_LOGIN_FAILURE, actor="n" * 500)
    event.refresh_from_db()
    assert event.actor_name == "n" * 200


def test_the_log_holds_no_foreign_key() -> None:
    for model in (Event, EventDetail):
        with connection.cursor() as cursor:
            assert connection.introspection.get_relations(cursor, model._meta.db_table) == {}
