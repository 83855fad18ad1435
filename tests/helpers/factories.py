"""Rows the tests need, made through the rooms' own verbs where there are any."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyotp
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission

from accounts import second_factors
from accounts.devices import TotpDevice
from accounts.models import User
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Role

PASSWORD = "a long enough pass phrase"
LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)


def make_user(
    username: str = "ada",
    *,
    email: str = "",
    verified: bool = True,
    staff: bool = False,
    superuser: bool = False,
    groups: Iterable[str] = (),
    **fields: Any,
) -> User:
    """An account with one primary address, `<username>@example.org` unless told otherwise."""
    address = email or f"{username}@example.org"
    rights = {"is_staff": staff or superuser, "is_superuser": superuser}
    user = User.objects.create_user(username, address, PASSWORD, **rights, **fields)
    EmailAddress.objects.create(user=user, email=address, primary=True, verified=verified)
    user.groups.set(Group.objects.filter(name__in=list(groups)))
    return user


def add_app(user: User, name: str = "phone") -> TotpDevice:
    """A confirmed authenticator app whose present code is still unused."""
    device = second_factors.start_totp(user, name)
    device.confirmed = True
    device.save()
    return device


def make_unverified_with_app(username: str = "kim") -> User:
    """An account with a second factor whose one address counts as never verified, as moves between systems leave."""
    user = make_user(username)
    add_app(user)
    EmailAddress.objects.filter(user=user).update(verified=False)
    return user


def add_totp(user: User, name: str = "phone") -> tuple[TotpDevice, str]:
    """An authenticator app that takes codes, and its base32 secret for `code`."""
    device = add_app(user, name)
    return device, base64.b32encode(device.raw_secret()).decode()


def code(secret: str) -> str:
    """What the app shows now."""
    return pyotp.TOTP(secret).now()


def add_codes(user: User) -> list[str]:
    """The eight recovery codes of an account with a primary factor."""
    return second_factors.make_codes(user, actor=user)


def make_project(
    name: str,
    owner: User | None = None,
    *,
    urls: Iterable[tuple[str, str]] = (),
    version: str = "1.0",
    uploaded_at: datetime = LONG_AGO,
    critical: bool = False,
) -> Project:
    """A project with one release that names these (label, URL) links, owned since its upload."""
    project, _created = services.ensure_project(name, actor="system")
    if critical:
        project.critical = True
        project.save(update_fields=["critical"])
    services.record_release(project, version=version, uploaded_at=uploaded_at, urls=list(urls))
    if owner is not None:
        add_role(project, owner, since=uploaded_at)
    return project


def add_role(
    project: Project, user: User, *, since: datetime = LONG_AGO, kind: str = Role.Kind.OWNER, accepted: bool = True
) -> Role:
    """A role given and, unless it is to stay an invitation, accepted at `since`."""
    return Role.objects.create(
        project=project, user=user, kind=kind, created_at=since, accepted_at=since if accepted else None
    )


def grant(user: User, codename: str) -> None:
    """One right beside those of the user's groups."""
    user.user_permissions.add(Permission.objects.get(codename=codename))
    for cached in ("_perm_cache", "_user_perm_cache", "_group_perm_cache"):
        user.__dict__.pop(cached, None)
