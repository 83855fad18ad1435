"""The mail about a release that was staged: to every owner, once for each release, after a recovery for each file."""

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects import role_mails
from recoverydesk.staging.models import StagedRelease

STAGED = "release_staged"


def tell(staged: StagedRelease, stager: User, event: int) -> None:
    """Tell of the file of this event every owner, one whose role rests too; after a recovery at addresses that were
    removed since, too.

    Five a day of one project to each address: the page lists what is not mailed.
    """
    for owner in role_mails.owners(staged.project):
        told = addresses.notice_addresses(owner) if staged.after_recovery else addresses.verified(owner)
        for recipient in told:
            _queue(staged, owner, recipient, stager, event)


def _queue(staged: StagedRelease, owner: User, recipient: str, stager: User, event: int) -> None:
    project = staged.project
    context = {
        "owner": owner.username,
        "username": stager.username,
        "project": project.name,
        "version": staged.version,
        "after_recovery": staged.after_recovery,
    }
    outbox.queue_limited(
        STAGED, recipient, user=owner, reference=f"project:{project.uid}", context=context,
        dedupe=f"{STAGED}:{event}:{recipient}", cause=f"{STAGED}:{project.uid}", language=owner.language,
    )  # fmt: skip
