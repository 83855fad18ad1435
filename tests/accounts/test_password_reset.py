"""*Forgot password?* tells nobody anything, and the mailed key does what it says."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import chores, password_reset, services, sweeping
from accounts.devices import TotpDevice
from accounts.mail.models import Mail, Request
from accounts.models import Session, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import PASSWORD, make_user
from tests.helpers.signing_in import code_of, type_code, type_password

PAGE = "/account/password/reset/"
NEW = "another long password"


def ask(client: Client, address: str) -> Any:
    return client.post(PAGE, {"email": address})


def mailed_path() -> str:
    """The path of the key in the one reset mail that was sent."""
    found = [
        re.findall(r"http://localhost:8000(/account/password/reset/key/\S+)", str(one.body)) for one in mail.outbox
    ]
    (path,) = [path for paths in found for path in paths]
    return str(path)


def follow_key(client: Client, path: str, password: str = NEW) -> Any:
    page = client.get(path)
    return (
        client.post(page["Location"], {"password1": password, "password2": password})
        if page.status_code == 302
        else page
    )


def test_the_form_answers_the_same_for_everybody(client: Client, ada: User) -> None:
    client.get(PAGE)
    answers = []
    for address in (ada.email, "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            response = ask(client, address)
        answers.append(
            (len(queries), response.status_code, response["Location"], client.get(response["Location"]).content)
        )
    assert answers[0] == answers[1]
    assert Request.objects.count() == 2
    assert not Mail.objects.exists()


def test_the_typed_address_is_stored_encrypted(client: Client, ada: User) -> None:
    ask(client, ada.email)
    assert b"ada" not in bytes(Request.objects.get().payload)


def test_the_sweep_mails_the_owner_and_nobody_else(client: Client, ada: User) -> None:
    ask(client, ada.email.upper())
    ask(client, "nobody@example.org")
    assert sweeping.sweep() >= 2
    assert Mail.objects.get().recipient == ada.email
    assert not Request.objects.filter(handled_at=None).exists()
    assert Event.objects.get(tag=Tag.ACCOUNT_PASSWORD_RESET_REQUEST).subject_uid == ada.uid
    sweeping.sweep()
    assert Mail.objects.count() == 1


def test_an_unverified_address_a_frozen_and_a_closed_account_get_nothing(client: Client, ada: User) -> None:
    User.objects.create_user("kim", "kim@example.org", PASSWORD)
    lin = make_user("lin", is_active=False)
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason="seen in a stolen list")
    Mail.objects.all().delete()
    for address in ("kim@example.org", lin.email, ada.email):
        ask(client, address)
    sweeping.sweep()
    assert not Mail.objects.exists()


def test_the_key_sets_a_password_ends_sessions_and_signs_nobody_in(
    client: Client, ada: User, app: TotpDevice, signed_in: Client
) -> None:
    visitor = Client()
    ask(visitor, ada.email)
    sweeping.sweep()
    path = mailed_path()
    assert follow_key(visitor, path).status_code == 302
    assert "_auth_user_id" not in visitor.session
    assert Session.objects.filter(user=ada).count() == 0
    assert signed_in.get("/account/security/").status_code == 302
    assert TotpDevice.objects.filter(user=ada).exists()
    assert type_password(Client(), password=NEW)["Location"] == "/account/second-factor/"
    assert Mail.objects.filter(context__tag=Tag.ACCOUNT_PASSWORD_RESET).count() == 1
    again = follow_key(Client(), path, "a third long password")
    assert again.status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_using_the_key_in_a_signed_in_browser_signs_it_out(signed_in: Client, ada: User) -> None:
    ask(signed_in, ada.email)
    sweeping.sweep()
    follow_key(signed_in, mailed_path())
    assert "_auth_user_id" not in signed_in.session
    assert Event.objects.filter(tag=Tag.ACCOUNT_PASSWORD_RESET).count() == 1


def test_a_pending_sign_in_dies_with_the_old_password(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    visitor = Client()
    ask(visitor, ada.email)
    sweeping.sweep()
    follow_key(visitor, mailed_path())
    assert type_code(client, code_of(app))["Location"] == "/account/login/"


def test_a_key_mailed_before_a_freeze_opens_nothing_after_it(client: Client, ada: User) -> None:
    ask(client, ada.email)
    sweeping.sweep()
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason="seen in a stolen list")
    assert follow_key(client, mailed_path()).status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_after_a_recovery_the_hook_sends_its_own_link_and_no_other(client: Client, ada: User, settings: Any) -> None:
    settings.ACCOUNTS_HOOKS = {"password_link": "tests.accounts.test_password_reset.has_its_own_link"}
    ask(client, ada.email)
    sweeping.sweep()
    assert not Mail.objects.exists()


def has_its_own_link(user: User) -> bool:
    return user.username == "ada"


def test_the_mail_reads_in_the_accounts_language_and_is_wiped_after_sending(client: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(language="es")
    ask(client, ada.email)
    sweeping.sweep()
    assert "contraseña" in mail.outbox[0].body
    assert Mail.objects.get().payload is None


def test_too_many_requests_are_delayed_never_dropped(db: None) -> None:
    for number in range(password_reset.PER_MINUTE + 1):
        password_reset.note_reset_request(f"{number}@example.org", network="192.0.2.1")
    assert Request.objects.count() == password_reset.PER_MINUTE + 1
    assert Request.objects.latest("id").due_at > timezone.now() + timedelta(seconds=50)
    assert sweeping.due_requests().count() == password_reset.PER_MINUTE


def test_handled_requests_and_ended_sessions_are_purged(client: Client, ada: User) -> None:
    type_password(client)
    password_reset.note_reset_request(ada.email, network="192.0.2.1")
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    Request.objects.update(handled_at=timezone.now() - timedelta(hours=25))
    assert chores.purge() == 2


@pytest.mark.parametrize("password", ["short", "1234567890123", "password123"])
def test_a_weak_password_is_refused(client: Client, ada: User, password: str) -> None:
    ask(client, ada.email)
    sweeping.sweep()
    assert follow_key(client, mailed_path(), password).status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_a_request_that_cannot_be_read_is_given_up_and_holds_up_nobody(
    client: Client, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Request.objects.create(kind=password_reset.KIND, payload=b"written with a key that is gone")
    ask(client, ada.email)
    assert sweeping.sweep() >= 1
    assert Mail.objects.filter(recipient=ada.email).count() == 1
    lost.refresh_from_db()
    assert (lost.handled_at is None, lost.lease) == (False, None)
    assert [one.getMessage() for one in caplog.records if one.name == "accounts.sweeping"] == [
        f"request {lost.pk} cannot be handled: BadCiphertext"
    ]
    assert not sweeping.due_requests().exists()


def test_a_request_that_something_else_stops_is_tried_again_for_a_day(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(row: Request) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(password_reset, "handle", fail)
    row = password_reset.note_reset_request(ada.email, network="192.0.2.1")
    assert sweeping.sweep() == 0
    row.refresh_from_db()
    assert (row.handled_at, row.leased_until is None) == (None, False)
    Request.objects.update(leased_until=Now(), created_at=Now() - timedelta(hours=25))
    assert sweeping.sweep() == 0
    assert not sweeping.due_requests().exists()
