"""The mail about a change of a trusted publisher, to every owner of the project."""

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects import role_mails
from recoverydesk.projects.models import Project

CHANGED = "publisher_changed"


def tell(project: Project, actor: User | str, state: str, event: int) -> None:
    """Tell every owner at every verified address: `state` is "added", "removed", "kept" or "bound".

    Five times a day of each kind of change. What the workflow is called was typed by an owner, and is in no mail.
    """
    for owner in role_mails.owners(project):
        for recipient in addresses.verified(owner):
            _queue(project, owner, recipient, actor, state, event)


def _queue(project: Project, owner: User, recipient: str, actor: User | str, state: str, event: int) -> None:
    context = {
        "owner": owner.username,
        "username": "" if isinstance(actor, str) else actor.username,
        "project": project.name,
        "name": project.normalized_name,
        "state": state,
    }
    outbox.queue_limited(
        CHANGED, recipient, user=owner, reference=f"project:{project.uid}", context=context,
        dedupe=f"{CHANGED}:{event}:{recipient}", cause=f"{CHANGED}:{state}:{project.uid}", language=owner.language,
    )  # fmt: skip
