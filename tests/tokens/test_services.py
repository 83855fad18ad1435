"""Holding API tokens."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.log import RequestOrigin
from audit.models import Event, EventDetail
from tests.helpers import factories
from tests.helpers.tokens import mint
from tokens import checking
from tokens.models import ApiToken
from tokens.services import hold_all


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


def test_only_running_tokens_are_live(ada: User) -> None:
    now = timezone.now()
    live = {
        ApiToken.objects.create(user=ada, name="plain"),
        ApiToken.objects.create(user=ada, name="ends later", expires_at=now + timedelta(hours=1)),
    }
    ApiToken.objects.create(user=ada, name="over", expires_at=now - timedelta(hours=1))
    ApiToken.objects.create(user=ada, name="held", held_at=now)
    ApiToken.objects.create(user=ada, name="revoked", revoked_at=now)
    assert set(ApiToken.objects.live()) == live


@pytest.mark.parametrize(("left", "opens"), [(timedelta(microseconds=1), True), (timedelta(0), False)])
def test_a_token_is_over_at_the_very_moment_it_ends(
    holder: User, monkeypatch: pytest.MonkeyPatch, left: timedelta, opens: bool
) -> None:
    minted, ends = mint(holder), timezone.now() + timedelta(hours=1)
    ApiToken.objects.filter(pk=minted.row.pk).update(expires_at=ends)  # sooner than its caveat says
    monkeypatch.setattr(checking, "database_now", lambda: ends - left)
    if opens:
        assert checking.open_token(minted.text).row.pk == minted.row.pk
        return
    with pytest.raises(checking.TokenRefused, match="token is expired"):
        checking.open_token(minted.text)


def test_hold_all_stops_every_token_of_the_user_and_no_other(ada: User, kim: User) -> None:
    mine = [ApiToken.objects.create(user=ada, name=f"token {number}") for number in range(3)]
    other = ApiToken.objects.create(user=kim, name="deploy")
    assert hold_all(ada, actor="system", reason="second factors were reset", ticket=214) == 3
    assert list(ApiToken.objects.live()) == [other]
    event = Event.objects.get(tag="account:api_token:held")
    assert (event.subject_uid, event.ticket, event.actor_name) == (ada.uid, 214, "system")
    assert event.data["count"] == 3
    assert set(event.data["tokens"]) == {str(token.id) for token in mine}
    assert event.data["reason"] == "second factors were reset"


def test_held_and_revoked_tokens_keep_their_times_and_expired_ones_are_held(ada: User) -> None:
    long_ago = timezone.now() - timedelta(days=9)
    held = ApiToken.objects.create(user=ada, name="held", held_at=long_ago)
    revoked = ApiToken.objects.create(user=ada, name="revoked", revoked_at=long_ago)
    expired = ApiToken.objects.create(user=ada, name="expired", expires_at=long_ago)
    assert hold_all(ada, actor="system", reason="second factors were reset") == 1
    for token in (held, revoked, expired):
        token.refresh_from_db()
    assert (held.held_at, revoked.held_at) == (long_ago, None)
    assert expired.held_at is not None


def test_holding_again_changes_nothing_and_writes_no_event(ada: User) -> None:
    ApiToken.objects.create(user=ada, name="deploy")
    hold_all(ada, actor="system", reason="second factors were reset")
    assert hold_all(ada, actor="system", reason="second factors were reset") == 0
    assert Event.objects.filter(tag="account:api_token:held").count() == 1


def test_the_origin_is_kept_apart_from_the_event(ada: User, kim: User) -> None:
    ApiToken.objects.create(user=ada, name="deploy")
    hold_all(ada, actor=kim, reason="second factors were reset", origin=RequestOrigin(network="192.0.2.7"))
    event = Event.objects.get(tag="account:api_token:held")
    assert event.actor_uid == kim.uid
    assert EventDetail.objects.get(event_id=event.pk).network == "192.0.2.7"


def test_the_number_of_queries_does_not_grow(ada: User, django_assert_max_num_queries: object) -> None:
    ada.emailaddress_set.all().delete()  # nobody to write to
    ApiToken.objects.bulk_create(ApiToken(user=ada, name=f"token {number}") for number in range(50))
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert hold_all(ada, actor="system", reason="second factors were reset") == 50
