"""What is staged is not in the index, and the other way round."""

from collections.abc import Iterator

from django.db.models import Q

from recoverydesk.invariants.broken import Broken
from recoverydesk.projects.models import File
from recoverydesk.staging.models import StagedFile, StagedRelease


def staged_and_over() -> Iterator[Broken]:
    """A file is live as long as its release waits."""
    waits = Q(release__state=StagedRelease.State.STAGED)
    for row in StagedFile.objects.filter(Q(live=True) & ~waits | Q(live=False) & waits):
        yield Broken("staged_and_over", f"stagedfile:{row.pk}", "does not say whether its release waits")


def staged_and_published() -> Iterator[Broken]:
    """A name that waits is in the index by an import alone, and then with other bytes or in another place."""
    for row in StagedFile.objects.filter(live=True, stored_as__in=File.objects.values("stored_as")):
        yield Broken("staged_and_published", f"stagedfile:{row.pk}", "is in the index")
