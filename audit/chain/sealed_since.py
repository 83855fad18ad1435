"""Which events have been sealed between two seals."""

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from audit.chain import gaps
from audit.models import Event, Seal
from audit.tags import CLOSING

MOST = 1000  # ticket numbers of one checkpoint


def events(before: Seal | None, head: Seal) -> QuerySet[Event]:
    """Those above `before`, and those that came in its gaps; None: all up to `head`."""
    found = Event.objects.filter(id__lte=head.last_id)
    if before is None:
        return found
    late = [Q(id__range=(gap.first, gap.last)) for gap in gaps.unpack(bytes(before.gaps))]
    return found.filter(reduce(or_, late, Q(id__gt=before.last_id)))


def closed(before: Seal | None, head: Seal) -> list[int]:
    """The recovery tickets that were closed then, by number; of more than 1,000 the newest."""
    ends = events(before, head).filter(tag__in=CLOSING, ticket__isnull=False)
    newest = ends.order_by("-ticket").values_list("ticket", flat=True).distinct()[:MOST]
    return sorted(number for number in newest if number is not None)
