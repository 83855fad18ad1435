"""Done-when 2: where the event cannot be written, nothing happens. Tried on a reset, a sign-in, a new token."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import second_factors
from accounts.mail.models import Mail
from accounts.models import Session, User
from audit.models import Event
from recoverydesk.recovery.models import Status
from tests.helpers import decided, factories, tickets
from tokens import services as tokens
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def no_event_can_be_written() -> Iterator[None]:
    """The database itself refuses every INSERT into the log."""
    if connection.vendor == "postgresql":
        make = "CREATE TRIGGER full BEFORE INSERT ON audit_event EXECUTE FUNCTION audit_refuse()"
        drop = "DROP TRIGGER full ON audit_event"
    else:
        make = "CREATE TRIGGER full BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'append-only: full'); END"
        drop = "DROP TRIGGER full"
    make, drop = make.replace(" full", " log_is_full"), drop.replace(" full", " log_is_full")
    execute(make)
    try:
        yield
    finally:
        execute(drop)


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_reset_without_its_event_resets_nothing() -> None:
    ada, grace = factories.make_user("ada"), tickets.make_admin()
    User.objects.filter(pk=grace.pk).update(staff_since=factories.LONG_AGO)
    factories.add_totp(ada)
    factories.add_codes(ada)
    ticket = tickets.make_ticket(ada, Status.READY)
    before, events = tickets.everything(), Event.objects.count()
    with no_event_can_be_written(), pytest.raises(DatabaseError, match="append-only"):
        decided.reset(ticket.pk, actor=tickets.as_staff(grace), reason=tickets.REASON)
    assert tickets.everything() == before
    assert Event.objects.count() == events
    assert second_factors.summary(ada).totp == 1
    assert ada.check_password(factories.PASSWORD)
    done = decided.reset(ticket.pk, actor=tickets.as_staff(grace), reason=tickets.REASON)
    assert done.ticket.status == Status.COMPLETED


def test_a_sign_in_without_its_event_is_none(client: Client) -> None:
    factories.make_user("ada")
    client.raise_request_exception = False
    typed = {"login": "ada", "password": factories.PASSWORD}
    with no_event_can_be_written():
        assert client.post(reverse("account_login"), typed).status_code == 500
    assert not Session.objects.filter(user__isnull=False).exists()
    assert client.get(reverse("account_security")).status_code == 302
    assert client.post(reverse("account_login"), typed).status_code == 302
    assert client.get(reverse("account_security")).status_code == 200


def test_a_token_without_its_event_is_none() -> None:
    ada = factories.make_user("ada")
    factories.add_totp(ada)
    mails = Mail.objects.count()
    with no_event_can_be_written(), pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        tokens.mint(ada, name="ci", lifetime=timedelta(days=1))
    assert (ApiToken.objects.count(), Mail.objects.count()) == (0, mails)
    assert tokens.mint(ada, name="ci", lifetime=timedelta(days=1)).text
