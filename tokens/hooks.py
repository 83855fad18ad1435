"""Questions tokens asks of the rooms above it, through the functions named in settings.TOKENS_HOOKS.

A hook that is not set has a harmless answer, so that this room works alone.
"""

from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import User
from tokens.caveats import Project, Release


@dataclass(frozen=True)
class Plan:
    """An upload somebody asks about: the project, the version if one was named, and why it is refused or ""."""

    project: Project
    release: Release | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Terms:
    """What a token for this project (None: for anything) must keep: days it lasts at most, whether making it asks for
    a second factor of its own, and whether the project takes tokens for a whole account."""

    project: Project | None = None
    days: int | None = None
    own_factor: bool = False
    whole_account: bool = True


def _ask(name: str, default: Any, *args: Any) -> Any:
    path = settings.TOKENS_HOOKS.get(name)
    return import_string(path)(*args) if path else default


def projects_of(user: User) -> list[Project]:
    """The projects this user may upload to, by name."""
    return cast(list[Project], _ask("projects_of", [], user))


def co_owners(user: User) -> list[User]:
    """The other owners of this user's projects."""
    return cast(list[User], _ask("co_owners", [], user))


def terms(user: User) -> list[Terms]:
    """What a new token of this user's must keep: for anything, and for each project they may upload to."""
    return cast(list[Terms], _ask("terms", [Terms()], user))


def plan_upload(opened: Any, project: str, version: str) -> Plan:
    """What the room above knows of an upload and whether it would take it with this token (checking.Opened); `version`
    may be ""."""
    return cast(Plan, _ask("plan_upload", Plan(Project(project, None)), opened, project, version))
