"""At most five mails a day of one cause to one mailbox, and about one account, whoever causes them and how often.

A day is the last 24 hours of the database's clock. Counted from the outbox itself: a flushed cache forgets nothing and
all workers count together. What is over is not sent and nobody is told, so that no answer of a page depends on it
(docs/adr/0106). The sixth mail would carry nothing the five before do not: their links work on.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Max, Q
from django.db.models.functions import Now

from accounts.mail.models import Mail
from accounts.models import User

A_DAY = 5
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Slot:
    """Room for one more mail; `last`: there is none for another one today."""

    counted_as: str
    dedupe: str
    last: bool


def slot(cause: str, recipient: str, *, account: User | None = None) -> Slot | None:
    """The next slot of this mailbox, None when today's are used up. With `account`, its mails of the kind `cause` count
    too, wherever they went. One query.

    Two callers at once get the same slot, and one mail goes out: `dedupe` is the dedupe key of a mail that has no
    other.
    """
    place = counted_as(cause, recipient)
    today, here = Q(queued_at__gt=Now() - DAY), Q(counted_as=place)
    about = Q(user=account, kind=cause) if account else here
    sent = Mail.objects.filter(here | about).aggregate(
        here=Count("pk", filter=here & today), about=Count("pk", filter=about & today), newest=Max("pk", filter=here)
    )
    most = max(sent["here"], sent["about"])
    return None if most >= A_DAY else Slot(place, f"{place}:{sent['newest'] or 0}", last=most == A_DAY - 1)


def counted_as(cause: str, recipient: str) -> str:
    """The digest of a cause and a mailbox. `ada+list@…` reaches the mailbox of `ada@…` (RFC 5233)."""
    local, _at, domain = recipient.lower().rpartition("@")
    return hashlib.sha256(f"{cause}\n{local.partition('+')[0]}@{domain}".encode()).hexdigest()
