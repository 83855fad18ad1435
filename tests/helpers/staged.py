"""Staged releases as people see them."""

from recoverydesk.staging import reading
from recoverydesk.staging.models import StagedRelease


def shown(release: StagedRelease) -> str:
    """What somebody who looks now is shown."""
    return reading.shown(release.files.all())
