"""The mail about a wheel that takes another one's place."""

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects.models import Project, Role

REPLACED = "wheel_replaced"
NAMES_IN_MAIL = 20


def tell_of_replacement(project: Project, uploader: User, filename: str, replaced: list[str]) -> None:
    """Tell every owner, the uploader among them, at every verified address, five times a day at most."""
    owners = Role.objects.filter(project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    for role in owners.select_related("user").order_by("pk"):
        for recipient in addresses.verified(role.user):
            _queue(project, role.user, recipient, uploader, filename, replaced)


def _queue(project: Project, owner: User, recipient: str, uploader: User, filename: str, replaced: list[str]) -> None:
    context = {
        "owner": owner.username,
        "username": uploader.username,
        "project": project.name,
        "filename": filename,
        "replaced": replaced[:NAMES_IN_MAIL],
        "more": max(0, len(replaced) - NAMES_IN_MAIL),
    }
    outbox.queue_limited(
        REPLACED, recipient, user=owner, reference=f"project:{project.uid}", context=context,
        dedupe=f"{REPLACED}:{filename}:{recipient}", cause=f"{REPLACED}:{project.uid}", language=owner.language,
    )  # fmt: skip
