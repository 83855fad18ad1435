"""The mail about a change of who may act for a project: to every owner of it and to whom it is about."""

from collections.abc import Iterable

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects.models import Project, Role

CHANGED, INVITED = "role_changed", "role_invitation"


def owners(project: Project) -> list[User]:
    """Every owner, one whose role rests, too."""
    roles = Role.objects.filter(project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    return [role.user for role in roles.select_related("user").order_by("pk")]


def tell(
    project: Project, actor: User | str, subject: User, state: str, event: int, before: Iterable[User] = ()
) -> None:
    """Tell what a person did: `state` is "invited", "accepted", "declined", "withdrawn", "is owner", "is maintainer" or
    "removed", `event` the number of the event about it, `before` who owned the project before. Five a day of each kind
    of change in a project, to each address.
    """
    if isinstance(actor, str):
        return
    concerned = {user.pk: user for user in [*before, *owners(project), subject]}
    for user in concerned.values():
        for recipient in addresses.notice_addresses(user) if user == subject else addresses.verified(user):
            _queue(project, user, recipient, actor, subject, state, event)


def tell_owners(project: Project, actor: User, state: str, event: int) -> None:
    """Tell every owner of an invitation to an address: "invited by mail" or "withdrawn by mail". The address is on the
    page of the project alone."""
    for owner in owners(project):
        for recipient in addresses.verified(owner):
            _queue(project, owner, recipient, actor, None, state, event)


def invite(project: Project, actor: User, address: str, kind: str, event: int) -> None:
    """Mail the address; five invitations a day, whoever sends them and to which project."""
    context = {"username": actor.username, "project": project.name, "name": project.normalized_name, "kind": kind}
    outbox.queue_limited(
        INVITED, address, reference=f"project:{project.uid}", context=context, dedupe=f"{INVITED}:{event}",
        cause=INVITED, language=actor.language,
    )  # fmt: skip


def _queue(
    project: Project, reader: User, recipient: str, actor: User, subject: User | None, state: str, event: int
) -> None:
    context = {
        "reader": reader.username,
        "username": actor.username,
        "subject": subject.username if subject else "",
        "about_you": reader == subject,
        "project": project.name,
        "name": project.normalized_name,
        "state": state,
    }
    outbox.queue_limited(
        CHANGED, recipient, user=reader, reference=f"project:{project.uid}", context=context,
        dedupe=f"{CHANGED}:{event}:{recipient}", cause=f"{CHANGED}:{state}:{project.uid}", language=reader.language,
    )  # fmt: skip
