"""A key of FIELD_KEYS is retired: everything sealed with it is sealed again, and what still needs it is told."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models

from accounts import key_rotation
from accounts.devices import TotpDevice
from accounts.mail import links
from accounts.mail.models import Request
from accounts.models import FieldKey, Link, Mail
from accounts.sealed import KeyIdField, SealedField
from accounts.sessions import SessionStore
from audit.models import Seal
from common import keys
from recoverydesk.channels.models import TEXT, IncomingMail, IssueForm, Unmatched
from tests.helpers.factories import add_totp, make_user
from tokens.models import PURPOSE, ApiToken

pytestmark = pytest.mark.django_db
OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)
NOT_SECRET = {"accounts.RecoveryCodeDevice.salt", "audit.Seal.entries", "audit.Seal.gaps"}
OURS = ("accounts.", "audit.", "tokens.", "recoverydesk.")  # not django's, django-otp's or allauth's
NOT_OURS = {"audit.Seal.key_id", "accounts.FieldKey.key_id"}  # the log's key; the list of keys itself

Keys = Callable[..., None]


@pytest.fixture
def field_keys(settings: Any) -> Keys:
    def use(*roots: bytes) -> None:
        settings.FIELD_KEYS = list(roots)

    use(OLD)
    key_rotation.note_current()
    return use


def rotate() -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


def fill_every_column() -> None:
    """One row in each encrypted column, written with the key of now."""
    user = make_user("ada")
    add_totp(user)
    ApiToken.objects.create(user=user, name="ci", sealed_key=keys.encrypt(PURPOSE, b"root"))
    SessionStore().create()
    Mail.objects.create(kind="x", recipient="a@example.org", payload=keys.encrypt("mail", b"[]"), dedupe_key="1")
    Request.objects.create(kind=Request.Kind.RECOVERY, payload=keys.encrypt("recovery", b"{}"))
    Request.objects.create(kind=Request.Kind.PASSWORD_RESET, payload=keys.encrypt("password_reset", b"{}"))
    IssueForm.objects.create(body=keys.encrypt(TEXT, b"### Username"))
    IncomingMail.objects.create(digest="1", kind=IncomingMail.Kind.STRANGER, original=keys.encrypt(TEXT, b"Hello"))
    Unmatched.objects.create(asked=keys.encrypt(TEXT, b"{}"), digest="1", source="issue")


def raw(data: Any) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data)


def test_every_encrypted_column_can_be_read_with_the_new_key_alone(field_keys: Keys) -> None:
    fill_every_column()
    empty = [column.name for column in key_rotation.columns() if not column.rows().exists()]
    assert empty == []  # a new column needs a row above
    secret = TotpDevice.objects.get().raw_secret()
    field_keys(NEW, OLD)
    rotate()
    field_keys(NEW)
    for column in key_rotation.columns():
        assert [keys.decrypt(purpose, raw(data)) for _pk, data, purpose in column.rows()]
    assert TotpDevice.objects.get().raw_secret() == secret
    assert key_rotation.lacking() == []


def test_every_column_of_bytes_is_rotated_or_holds_no_secret() -> None:
    """A new encrypted column that is no SealedField would be lost with its key."""
    columns = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.BinaryField)
        and not isinstance(field, SealedField)
        and model.__module__.startswith(OURS)
    }
    assert columns == NOT_SECRET


def test_every_column_of_key_ids_says_which_rows_need_their_key() -> None:
    columns = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.name == "key_id" and not isinstance(field, KeyIdField)
    }
    assert columns == NOT_OURS
    assert Seal._meta.get_field("key_id")


def test_a_rotation_that_was_stopped_goes_on_where_it_was(field_keys: Keys) -> None:
    for number in range(5):
        Request.objects.create(kind=Request.Kind.RECOVERY, payload=keys.encrypt("recovery", b"%d" % number))
    field_keys(NEW, OLD)
    column = next(one for one in key_rotation.columns() if one.model is Request)
    assert next(iter(column.rotate(batch=2))) == (2, 2)  # and then the machine was switched off
    assert [changed for _read, changed in column.rotate(batch=2)] == [0, 2, 1]
    assert [changed for _read, changed in column.rotate(batch=2)] == [0, 0, 0]


def test_a_row_that_changes_meanwhile_keeps_what_it_got(field_keys: Keys) -> None:
    device, _secret = add_totp(make_user("ada"))
    old = bytes(device.secret)
    field_keys(NEW, OLD)
    device.set_secret(b"another secret")
    device.save()
    column = next(one for one in key_rotation.columns() if one.model is TotpDevice)
    assert column._rotate_row(device.pk, old, "totp") == 0
    assert TotpDevice.objects.get().raw_secret() == b"another secret"


def test_a_key_that_live_links_were_made_from_must_stay_and_one_that_nothing_needs_can_leave(field_keys: Keys) -> None:
    link = links.make_link("stop", "ada@example.org", lifetime=timedelta(days=30))
    old_id = keys.current_key_id()
    field_keys(NEW, OLD)
    assert f"Key {old_id} must stay: 1 links were made from it" in rotate()
    assert FieldKey.objects.filter(key_id=old_id).exists()
    Link.objects.filter(pk=link.pk).delete()
    assert f"Nothing needs key {old_id} any more" in rotate()
    field_keys(NEW)
    assert key_rotation.lacking() == []


def test_without_the_old_key_nothing_is_rotated(field_keys: Keys) -> None:
    old_id = keys.current_key_id()
    field_keys(NEW)
    with pytest.raises(CommandError, match=f"sealed with key {old_id}, which FIELD_KEYS lacks"):
        rotate()
