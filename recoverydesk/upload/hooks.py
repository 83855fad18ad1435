"""What tokens asks of this room: whose projects, whose co-owners, what an upload would meet."""

from packaging.version import InvalidVersion, Version

from accounts.models import User
from recoverydesk.projects import people
from recoverydesk.projects.models import Project
from recoverydesk.upload import rules
from recoverydesk.upload.answers import UploadRefused
from tokens import caveats
from tokens.hooks import Plan

co_owners = people.co_owners


def projects_of(user: User) -> list[caveats.Project]:
    """The projects where the user accepted a role, by name."""
    mine = Project.objects.filter(roles__user=user, roles__accepted_at__isnull=False, roles__held_at=None).order_by(
        "normalized_name"
    )
    return [caveats.Project(name, uid) for name, uid in mine.values_list("normalized_name", "uid")]


def plan_upload(user: User, project: str, version: str) -> Plan:
    """Look at an upload before it is made; the file itself is not judged."""
    try:
        wanted = Version(version) if version else None
    except InvalidVersion:
        return Plan(caveats.Project(project, None), None, f"version: {version!r} is no version")
    where = rules.target(project, wanted)
    release = where.release_facts(version) if wanted else None
    try:
        rules.check_permission(user, where)
    except UploadRefused as refused:
        return Plan(where.facts(), release, refused.message)
    return Plan(where.facts(), release)
