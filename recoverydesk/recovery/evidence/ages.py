"""How old is what speaks for an account? What is younger than 30 days at the request speaks for nobody."""

from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

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
    """Whether the account verified this address since."""
    verified = _events(user, requested_at).filter(tag=Tag.ACCOUNT_EMAIL_VERIFIED)
    return EventDetail.objects.filter(event_id__in=verified.values("id"), address=address).exists()


def _events(user: User, requested_at: datetime) -> QuerySet[Event]:
    return Event.objects.filter(subject_uid=user.uid, time__gt=old_before(requested_at))
