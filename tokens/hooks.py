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


def _ask(name: str, default: Any, *args: Any) -> Any:
    path = settings.TOKENS_HOOKS.get(name)
    return import_string(path)(*args) if path else default


def projects_of(user: User) -> list[Project]:
    """The projects this user may upload to, by name."""
    return cast(list[Project], _ask("projects_of", [], user))


def co_owners(user: User) -> list[User]:
    """The other owners of this user's projects."""
    return cast(list[User], _ask("co_owners", [], user))


def plan_upload(user: User, project: str, version: str) -> Plan:
    """What the room above knows of an upload and whether it would take it from this user; `version` may be ""."""
    return cast(Plan, _ask("plan_upload", Plan(Project(project, None)), user, project, version))
