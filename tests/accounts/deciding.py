"""A second factor shown for one decision: by somebody in a browser, and by whoever calls a verb."""

import time
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from accounts import services, staff_rights
from accounts.decisions import Confirmation
from accounts.devices import TotpDevice
from accounts.models import User
from tests.accounts.conftest import code_of

DECIDE = "/account/step-up/"


def decide(client: Client, path: str, form: dict[str, Any], *, follow: bool = False) -> Any:
    """Post a form; where the answer asks for a second factor, show it."""
    answer = client.post(path, form)
    if not asks_for_factor(answer):
        return client.get(answer["Location"], follow=True) if follow and answer.status_code == 302 else answer
    return client.post(answer["Location"], {"code": fresh_code(client)}, follow=follow)


def asks_for_factor(answer: Any) -> bool:
    """Whether the answer leads to the page of one decision."""
    where = str(answer.headers.get("Location", ""))
    return where.startswith(DECIDE) and where.split("?")[0] != DECIDE


def fresh_code(client: Client) -> str:
    """What the app of whoever is signed in shows, thirty seconds after its last code was used."""
    devices = TotpDevice.objects.filter(user=client.session["_auth_user_id"], confirmed=True)
    devices.update(last_step=-1)
    return code_of(devices.earliest("id"))


def set_staff(user: User, *, is_staff: bool, is_superuser: bool, groups: Iterable[Group], actor: User) -> None:
    """Give these rights, with a second factor shown for just that."""
    kept = list(groups) if is_staff or is_superuser else []
    rights = staff_rights.described(is_staff=is_staff or is_superuser, is_superuser=is_superuser, groups=kept)
    shown = Confirmation(staff_rights.decision(user, rights), actor.pk, time.time())
    wanted: dict[str, Any] = {"is_staff": is_staff, "is_superuser": is_superuser, "groups": groups}
    services.set_staff(user, **wanted, actor=actor, confirmed=shown)
