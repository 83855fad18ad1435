"""The mails about what is published, to every owner of the project, whoever changed it."""

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects import people
from recoverydesk.projects.models import Project, Role

CHANGED, IN_QUARANTINE = "release_changed", "release_in_quarantine"


def tell(project: Project, actor: User | str, state: str, what: str, event: int) -> None:
    """Tell every owner, one whose role rests too, at every verified address; five times a day of each kind of change.

    `state` is "yanked", "unyanked" or "deleted", `what` a version or a file name, `event` the number of the event. No
    reason is in it: what one person typed leaves in no mail of ours.
    """
    owners = Role.objects.filter(project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    for role in owners.select_related("user").order_by("pk"):
        for recipient in addresses.verified(role.user):
            _queue(project, role.user, recipient, actor, state, what, event)


def _queue(project: Project, owner: User, recipient: str, actor: User | str, state: str, what: str, event: int) -> None:
    context = {
        "owner": owner.username,
        "username": "" if isinstance(actor, str) else actor.username,
        "project": project.name,
        "name": project.normalized_name,
        "what": what,
        "state": state,
    }
    outbox.queue_limited(
        CHANGED, recipient, user=owner, reference=f"project:{project.uid}", context=context,
        dedupe=f"{CHANGED}:{event}:{recipient}", cause=f"{CHANGED}:{state}:{project.uid}", language=owner.language,
    )  # fmt: skip


def tell_in_quarantine(project: Project, publisher: User, what: str) -> None:
    """While somebody with a role has the limits that follow a recovery, tell of everything published: every owner and
    whoever was recovered, at addresses that were removed since, too. `what` is a version or a file name.

    One query where nobody was. Five a day of one project to each address.
    """
    recovered = people.in_quarantine(project)
    if not recovered:
        return
    roles = Role.objects.filter(project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    readers = {user.pk: user for user in [*(role.user for role in roles.select_related("user")), *recovered]}
    for reader in readers.values():
        for recipient in addresses.notice_addresses(reader):
            _queue_in_quarantine(project, reader, recipient, publisher, what)


def _queue_in_quarantine(project: Project, reader: User, recipient: str, publisher: User, what: str) -> None:
    context = {
        "owner": reader.username,
        "username": publisher.username,
        "project": project.name,
        "name": project.normalized_name,
        "what": what,
    }
    outbox.queue_limited(
        IN_QUARANTINE, recipient, user=reader, reference=f"project:{project.uid}", context=context,
        dedupe=f"{IN_QUARANTINE}:{project.uid}:{what}:{recipient}", cause=f"{IN_QUARANTINE}:{project.uid}",
        language=reader.language,
    )  # fmt: skip
