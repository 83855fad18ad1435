"""Guards of a project, as the verbs would leave them, and a second factor old enough to ask for less."""

import time
from datetime import timedelta
from typing import Any

from accounts import decisions
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import guard_changes
from recoverydesk.projects.models import GuardChange, Project
from tests.helpers.factories import add_app

OLD = timedelta(days=31)


def guard(project: Project, **levels: str) -> Project:
    """Give the project these levels of its own."""
    project.guards = {**project.guards, **levels}
    project.save(update_fields=["guards"])
    return project


def add_old_app(user: User, age: timedelta = OLD) -> TotpDevice:
    """An authenticator app added so long ago."""
    device = add_app(user)
    TotpDevice.objects.filter(pk=device.pk).update(created_at=database_now() - age)
    return device


def ask(project: Project, name: str, value: str, actor: User) -> bool:
    """Ask for less, with an old factor shown for just that."""
    project.refresh_from_db()
    confirmed = decisions.Confirmation(guard_changes.asking(project, name, value), actor.pk, time.time())
    return guard_changes.set_guard(project, name, value, actor=actor, confirmed=confirmed)


def a_day_later(**passed: Any) -> int:
    """The cool-down passes, and what was mailed about it left at its beginning; returns what the sweep did."""
    at = database_now()
    Mail.objects.filter(kind="guard_changed").update(state="sent", settled_at=at - timedelta(hours=25))
    GuardChange.objects.update(at=at - timedelta(seconds=1), **passed)
    return guard_changes.sweep()
