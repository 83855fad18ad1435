"""One round of due work: used statements, spent tokens, and publishers that nobody kept after a recovery."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from recoverydesk.publishers import verbs
from recoverydesk.publishers.models import Publisher, UsedIdToken
from tokens.models import ApiToken
from tokens.services import REVOKED_UNCONFIRMED

BATCH = 500
KEPT = timedelta(days=1)  # after its end, so that what a token did can be looked up


def sweep() -> int:
    """Do what is due and return how much that was. Any number of workers may run it at once."""
    return _forget_statements() + _forget_tokens() + _remove_held()


def _forget_statements() -> int:
    """A day late, so that no clock that was ahead lets one be used twice."""
    old = UsedIdToken.objects.filter(expires_at__lt=Now() - KEPT).values_list("pk", flat=True)
    return UsedIdToken.objects.filter(pk__in=list(old[:BATCH])).delete()[0]


def _forget_tokens() -> int:
    """Tokens that no upload used. The others keep their names: the page of a release says which one uploaded a file."""
    spent = ApiToken.objects.of_publishers().filter(expires_at__lt=Now() - KEPT, last_used_at=None)
    return ApiToken.objects.filter(pk__in=list(spent.values_list("pk", flat=True)[:BATCH])).delete()[0]


def _remove_held() -> int:
    """Design rule 8: like a token, a publisher nobody kept within 7 days goes."""
    old = Publisher.objects.filter(held_at__lte=Now() - REVOKED_UNCONFIRMED).values_list("pk", flat=True)
    return sum(_remove_one(pk) for pk in list(old[:BATCH]))


@transaction.atomic
def _remove_one(pk: UUID) -> int:
    rows = Publisher.objects.select_for_update(of=("self",)).select_related("project", "added_by")
    row = rows.filter(pk=pk, held_at__lte=Now() - REVOKED_UNCONFIRMED).first()
    if row is None:
        return 0
    verbs.end_held(row)
    return 1
