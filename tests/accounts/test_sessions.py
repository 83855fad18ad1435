"""A session's row neither opens the session nor tells what it knows; whoever has the cookie is still let in."""

import importlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import SIGN_IN, SessionStore, digest
from common import keys

PAGE = "/account/sessions/"
KEY = "k" * 32
migration: Any = importlib.import_module("accounts.migrations.0010_session_keys_as_digests")


def with_cookie(key: str) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def dump() -> str:
    """Every row of the table as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_session")
        return str(cursor.fetchall())


def test_nothing_in_the_table_opens_a_session(signed_in: Client) -> None:
    row = Session.objects.get()
    key = signed_in.session.session_key or ""
    assert key not in dump()
    assert row.session_key == digest(key)
    assert with_cookie(key).get(PAGE).status_code == 200
    assert with_cookie(row.session_key).get(PAGE).status_code == 302


def test_nothing_that_a_session_knows_can_be_read_in_the_table(db: None) -> None:
    session = SessionStore()
    session["key"] = "MAILED"
    session.create()
    assert "MAILED" not in dump()
    with pytest.raises(signing.BadSignature):
        signing.loads(Session.objects.get().session_data, salt=migration.SALT, serializer=JSONSerializer)
    assert Session.objects.get().get_decoded() == {"key": "MAILED"}


def test_a_mailed_key_that_waits_in_a_session_is_not_in_clear_in_its_row(client: Client, ada: User) -> None:
    """The page to choose a password keeps the key out of its address: in the session."""
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    secret = default_token_generator.make_token(ada)
    client.get(f"/account/password/reset/key/{user_pk_to_url_str(ada)}-{secret}/")
    assert secret in str(dict(client.session))
    kept = Session.objects.get().session_data
    with pytest.raises(signing.BadSignature):  # as Django keeps it, every reader of the table has it
        signing.loads(kept, salt=migration.SALT, serializer=JSONSerializer)


def test_a_session_lives_by_its_key(db: None) -> None:
    session = SessionStore()
    session["number"] = 1
    session.save()
    first = session.session_key or ""
    assert session.exists(first)
    assert not session.exists(digest(first))
    assert SessionStore(first)["number"] == 1
    session.cycle_key()
    second = session.session_key or ""
    assert (SessionStore(first).get("number"), SessionStore(second)["number"]) == (None, 1)
    session["number"] = 2
    session.save()
    assert SessionStore(second)["number"] == 2
    session.delete(first)
    session.flush()
    assert not Session.objects.exists()


def test_a_session_that_is_over_or_was_never_there_is_empty(db: None) -> None:
    session = SessionStore()
    session["number"] = 1
    session.set_expiry(timezone.now() - timedelta(minutes=1))
    session.save()
    key = session.session_key
    assert SessionStore(key).get("number") is None
    SessionStore.clear_expired()
    assert not Session.objects.exists()
    unknown = SessionStore(KEY)
    assert (unknown.get("number"), unknown.session_key) == (None, None)


def test_a_session_sealed_with_a_key_we_no_longer_hold_is_over(signed_in: Client, settings: Any) -> None:
    settings.FIELD_KEYS = [b"n" * 32, *settings.FIELD_KEYS]
    assert signed_in.get(PAGE).status_code == 200
    settings.FIELD_KEYS = [b"m" * 32]
    assert signed_in.get(PAGE).status_code == 302


def without_event_loop(coroutine: Callable[[], Awaitable[str]]) -> str:
    """What it returns, on a thread of its own: on this one an open browser may have left its event loop running."""

    def run() -> str:
        try:
            return async_to_sync(coroutine)()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def test_the_asynchronous_twins_keep_no_key_either(transactional_db: None) -> None:
    async def live() -> str:
        session = SessionStore()
        await session.aset("number", 1)
        await session.asave()
        key = session.session_key or ""
        assert await session.aexists(key)
        assert await SessionStore(key).aget("number") == 1
        return key

    async def end() -> str:
        await SessionStore(key).adelete()
        return key

    key = without_event_loop(live)
    assert Session.objects.get().session_key == digest(key)
    without_event_loop(end)
    assert not Session.objects.exists()


# Upgrading ------------------------------------------------------------------------------------------------------------


def as_before(client: Client) -> str:
    """Put this browser's session into the table as it was kept until now; returns its key."""
    key, row = client.session.session_key or "", Session.objects.get()
    data = signing.dumps(row.get_decoded(), salt=migration.SALT, serializer=JSONSerializer, compress=True)
    Session.objects.update(session_key=key, session_data=data)
    return key


def test_who_is_signed_in_stays_signed_in_over_the_upgrade(
    signed_in: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in.get(PAGE)  # which says, once, that the sign-in worked
    before = Session.objects.values("user", "uid", "signed_in_at", "expire_date", "network", "device").get()
    key = as_before(signed_in)
    monkeypatch.setattr(migration, "BATCH", 3)
    for number in range(8):
        data = signing.dumps({"number": number}, salt=migration.SALT, serializer=JSONSerializer)
        until = timezone.now() + timedelta(hours=1)
        Session.objects.create(session_key=f"{number}" * 32, session_data=data, expire_date=until)
    migration.forwards(apps, None)
    migration.forwards(apps, None)  # one that was cut off goes on
    assert Session.objects.count() == 9
    assert key not in dump()
    assert SessionStore("7" * 32)["number"] == 7
    assert with_cookie(key).get(PAGE).status_code == 200
    row = Session.objects.filter(user=ada).values(*before).get()
    assert row == before
    assert SessionStore(key)[SIGN_IN]["uid"] == str(before["uid"])


def test_what_cannot_be_read_is_dropped_and_going_back_ends_every_session(signed_in: Client) -> None:
    Session.objects.create(session_key=KEY, session_data="x", expire_date=timezone.now() + timedelta(hours=1))
    migration.forwards(apps, None)
    assert Session.objects.count() == 1
    migration.backwards(apps, None)
    assert not Session.objects.exists()


def test_the_migration_and_the_store_mean_the_same(db: None) -> None:
    row = Session(session_key=KEY, session_data=signing.dumps({"a": 1}, salt=migration.SALT, serializer=JSONSerializer))
    assert migration._seal(row)
    assert row.session_key == digest(KEY)
    assert keys.decrypt("session", row.session_data.encode()) == b'{"a":1}'
