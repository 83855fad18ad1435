"""What the guards of a project ask of an upload (recoverydesk/projects/guards.py), in words that uploaders show."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from accounts import factors
from recoverydesk.projects import guards
from recoverydesk.projects.guard_levels import OFF, ONLY_PUBLISHERS, PROJECT_TOKENS, SECOND_FACTOR, TOKEN_DAYS
from recoverydesk.projects.models import Project
from recoverydesk.upload.answers import UploadRefused
from recoverydesk.upload.rules import Target
from tokens.checking import Opened


def check(token: Opened, where: Target) -> None:
    """Raises UploadRefused (403) with what the uploader has to do. No query while no guard is in force."""
    for name, ask in CHECKS.items():
        level = guards.value(where.project, name)
        if level != OFF and (refusal := ask(level, token, where)):
            raise UploadRefused(403, refusal)


def _project_token(_level: str, token: Opened, where: Target) -> str:
    """Only a token for a whole account makes a project: it may, unless the owners closed an empty one to it."""
    makes = where.newest is None and (where.project is None or guards.own(where.project, PROJECT_TOKENS) == OFF)
    if makes or token.row.project_uid is not None or token.row.publishers:
        return ""
    return f"{_of(where.project)} takes no token for a whole account. {_make_one()}"


def _token_days(level: str, token: Opened, where: Target) -> str:
    if token.now - token.row.created_at <= timedelta(days=int(level)):
        return ""
    days = "1 day" if level == "1" else f"{level} days"
    return f"{_of(where.project)} takes no token that is older than {days}. {_make_one()}"


def _second_factor(level: str, token: Opened, where: Target) -> str:
    if guards.meets(factors.kinds([token.user.pk])[token.user.pk], level):
        return ""
    what = "a security key" if level == "key" else "a second factor"
    page = settings.BASE_URL + reverse("account_security")
    return f"{_of(where.project)} takes files only from people with {what}. Add one: {page}"


def _only_publishers(_level: str, token: Opened, where: Target) -> str:
    if token.row.publishers:
        return ""
    args = [where.project.normalized_name] if where.project else []
    page = settings.BASE_URL + reverse("project_publishers" if args else "account_publishers", args=args)
    return f"{_of(where.project)} takes files only from trusted publishers, and none with a person's token: {page}"


def _of(project: Project | None) -> str:
    return f"The project '{project.name}'" if project else "This site"


def _make_one() -> str:
    return f"Make a new token for this project: {settings.BASE_URL}{reverse('token_make')}"


Check = Callable[[str, Opened, Target], str]
CHECKS: dict[str, Check] = {
    ONLY_PUBLISHERS: _only_publishers,
    PROJECT_TOKENS: _project_token,
    TOKEN_DAYS: _token_days,
    SECOND_FACTOR: _second_factor,
}
