"""A clock that was eight days ahead and is put right silences nothing that waits for a time of its own."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, models
from django.db.models.functions import Now

from accounts.mail.models import Mail, Request
from common.clock import database_now
from recoverydesk.housekeeping import set_back
from recoverydesk.recovery.background import chores
from recoverydesk.recovery.models import CodeHost
from recoverydesk.statistics.models import Figures

pytestmark = pytest.mark.django_db
EIGHT_DAYS = timedelta(days=8)
DEADLINES = {  # a wrong clock made them too late: too careful, not too quiet
    "accounts.User.quarantine_until",
    "accounts.User.never_reset_ends",
    "recovery.RecoveryTicket.wait_until",
    "recovery.RecoveryTicket.next_notice_at",
    "recovery.RecoveryTicket.password_hold_until",
    "recovery.RecoveryTicket.snoozed_until",
}
LEASED = "leased_until"  # common/leases.py counts none from the future


def times_to_come() -> set[str]:
    """Every column that by its name says when something may be done."""
    found = set()
    for model in apps.get_models():
        ours = model.__module__.startswith(("recoverydesk.", "tokens.", "accounts.", "audit."))
        for field in model._meta.local_fields if ours else ():
            waits = field.name.startswith(("next_", "due_")) or field.name.endswith(("_until", "_ends"))
            if isinstance(field, models.DateTimeField) and waits and field.name != LEASED:
                found.add(f"{model._meta.label}.{field.name}")
    return found


def test_every_time_to_come_is_a_deadline_or_one_that_is_put_right() -> None:
    put_off = {f"{model._meta.label}.{field}" for model, field, _waiting in set_back.PUT_OFF}
    assert times_to_come() == put_off | DEADLINES


def test_what_a_clock_that_was_ahead_put_off_is_due_at_once() -> None:
    then = database_now() + EIGHT_DAYS
    Mail.objects.create(kind="x", recipient="ada@example.org", dedupe_key="a", message_id="<a@b>", next_try=then)
    Request.objects.create(kind=Request.Kind.RECOVERY, payload=b"", due_at=then)
    CodeHost.objects.create(host="git.example", origin="https://git.example", circuit_open_until=then)
    Figures.objects.update_or_create(pk=1, defaults={"due_at": then})
    assert chores.run_chores()["set_back"] == 4
    for model, field, _waiting in set_back.PUT_OFF:
        assert not model._base_manager.filter(**{f"{field}__gt": Now() + set_back.TWO_DAYS}).exists()


def test_a_pause_of_a_day_is_kept() -> None:
    then = database_now() + timedelta(days=1)
    host = CodeHost.objects.create(host="git.example", origin="https://git.example", circuit_open_until=then)
    set_back.run()
    host.refresh_from_db()
    assert host.circuit_open_until == then


def test_a_rate_limit_of_the_future_does_not_last_until_then(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CACHES = {"default": {"BACKEND": "recoverydesk.database.cache.Cache", "LOCATION": "cache"}}
    call_command("createcachetable", verbosity=0)
    cache = caches["default"]
    ahead = time.time() + EIGHT_DAYS.total_seconds()
    with monkeypatch.context() as wrong:
        wrong.setattr("django.core.cache.backends.base.time.time", lambda: ahead)
        cache.set("tries", 5, 300)
    cache.set("kept", 1, 300)
    cache.set("for-ever", 1, None)
    assert cache.get("tries") == 5
    assert set_back.run() == 1
    assert (cache.get("tries"), cache.get("kept"), cache.get("for-ever")) == (None, 1, 1)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cache")
