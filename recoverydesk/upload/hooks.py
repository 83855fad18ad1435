"""What tokens asks of this room: whose projects, whose co-owners, what an upload would meet."""

from django.db.models import QuerySet
from packaging.version import InvalidVersion, Version

from accounts.models import User
from recoverydesk.projects import guards, people
from recoverydesk.projects.guard_levels import OFF, PROJECT_TOKENS, TOKEN_DAYS, TOKEN_FACTOR
from recoverydesk.projects.models import Project
from recoverydesk.publishers.acting import acting
from recoverydesk.upload import guarding, rules
from recoverydesk.upload.answers import UploadRefused
from tokens import caveats
from tokens.checking import Opened, TokenRefused
from tokens.hooks import Plan, Terms

co_owners = people.co_owners


def projects_of(user: User) -> list[caveats.Project]:
    """The projects where the user accepted a role, by name."""
    return [caveats.Project(name, uid) for name, uid in _mine(user).values_list("normalized_name", "uid")]


def _mine(user: User) -> QuerySet[Project]:
    mine = Project.objects.filter(roles__user=user, roles__accepted_at__isnull=False, roles__held_at=None)
    return mine.order_by("normalized_name")


def terms(user: User) -> list[Terms]:
    """What a new token of this user's must keep: for anything, and for each of the projects. One query."""
    return [_terms(None), *(_terms(project) for project in _mine(user))]


def _terms(project: Project | None) -> Terms:
    days = guards.value(project, TOKEN_DAYS)
    return Terms(
        caveats.Project(project.normalized_name, project.uid) if project else None,
        days=None if days == OFF else int(days),
        own_factor=guards.value(project, TOKEN_FACTOR) != OFF,
        whole_account=project is None or guards.value(project, PROJECT_TOKENS) == OFF,
    )


def plan_upload(opened: Opened, project: str, version: str) -> Plan:
    """Look at an upload before it is made; the file itself is not judged."""
    try:
        wanted = Version(version) if version else None
    except InvalidVersion:
        return Plan(caveats.Project(project, None), None, f"version: {version!r} is no version")
    where = rules.target(project, wanted)
    release = where.release_facts(version) if wanted else None
    try:
        token = acting(opened, project)
        rules.check_permission(token.user, where)
        guarding.check(token, where)
        rules.check_newer(where)
    except UploadRefused as refused:
        return Plan(where.facts(), release, refused.message)
    except TokenRefused as refused:
        return Plan(where.facts(), release, refused.reason)
    return Plan(where.facts(), release)
