"""How old is what speaks for an account? What is younger than 30 days at the request speaks for nobody."""

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from audit.models import Event, EventDetail
from audit.tags import Tag

PASSWORD_SET = (Tag.ACCOUNT_PASSWORD_CHANGE, Tag.ACCOUNT_PASSWORD_RESET)


def old_before(requested_at: datetime) -> datetime:
    """What is there since this moment, or longer, counts."""
    return requested_at - settings.RECOVERY_YOUNG_LINK


def password_is_old(user: User, requested_at: datetime) -> bool:
    """Whether nobody set the password since: a password that the mailbox set is the mailbox once more."""
    return not _events(user, requested_at).filter(tag__in=PASSWORD_SET).exists()


def address_is_young(user: User, address: str, requested_at: datetime) -> bool:
    """Whether the account verified this address since: the desk saw it, or the list it came with dates it so."""
    return _happened(user, address, requested_at, Tag.ACCOUNT_EMAIL_VERIFIED)


def mailbox_is_young(user: User, address: str, requested_at: datetime) -> bool:
    """The same, or it was made the primary address since: whoever takes an account over begins with that."""
    return _happened(user, address, requested_at, Tag.ACCOUNT_EMAIL_VERIFIED, Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE)


def _happened(user: User, address: str, requested_at: datetime, *tags: Tag) -> bool:
    known = EventDetail.objects.filter(address=address, event_id=OuterRef("pk"))
    events = _events(user, requested_at).filter(Exists(known), tag__in=tags)
    since = (datetime.fromisoformat(event.data["since"]) if "since" in event.data else event.time for event in events)
    return any(at > old_before(requested_at) for at in since)


def _events(user: User, requested_at: datetime) -> QuerySet[Event]:
    return Event.objects.filter(subject_uid=user.uid, time__gt=old_before(requested_at))
