"""The boundaries somebody who asked at a given time would be asked for: what a ticket freezes when it opens."""

from datetime import datetime

from django.conf import settings

from accounts.models import User
from recoverydesk.projects import links as project_links
from recoverydesk.recovery.evidence import boundaries


def of_links(links: list[project_links.LinkFact], requested_at: datetime) -> list[boundaries.FrozenBoundary]:
    """Freeze links as of that time, by the settings of the site; at most one query."""
    cutoff = requested_at - settings.RECOVERY_RETIRES_AFTER
    old = boundaries.may_retire(links, cutoff)
    last_named = project_links.last_named(old, cutoff=cutoff, before=requested_at) if old else {}
    return boundaries.freeze(
        links,
        last_named,
        requested_at=requested_at,
        young=settings.RECOVERY_YOUNG_LINK,
        retires=settings.RECOVERY_RETIRES_AFTER,
    )


def of_account(user: User, now: datetime) -> list[boundaries.FrozenBoundary]:
    """What the owner of this account would be asked for today; two queries."""
    return of_links(project_links.subject_links(user, before=now), now)
