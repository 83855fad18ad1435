"""Who may decide: nobody about themselves or a project they share, and no newcomer as the second person."""

from datetime import datetime, timedelta

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects import people
from recoverydesk.recovery import errors
from recoverydesk.recovery.permissions import Actor

FULL_STAFF_AFTER = timedelta(days=7)
YOUNG_FACTOR = timedelta(days=30)


def check_not_own(subject: User, actor: Actor) -> None:
    """Nobody, superusers included, works a ticket about themselves."""
    if actor.user is not None and actor.user.pk == subject.pk:
        raise errors.OwnTicket


def check_not_co_owner(subject: User, actor: Actor) -> None:
    """Design rule 11: who owns a project together with the subject moves no ticket and speaks for none; a note is fine.

    As an owner they may still object, on their own account's page.
    """
    if actor.user is not None and people.co_owns(actor.user, subject):
        raise errors.CoOwnedTicket


def check_full_staff(actor: Actor, now: datetime) -> None:
    """Staff rights younger than seven days, or wider since, do not count as the second person: TooNew."""
    user, since = actor.user, now - FULL_STAFF_AFTER
    if user is None or user.staff_since is None or user.staff_since > since:
        raise errors.TooNew
    gained = (Tag.ACCOUNT_STAFF_ADD, Tag.ACCOUNT_STAFF_GROUP_ADD)
    if Event.objects.filter(subject_uid=user.uid, tag__in=gained, time__gt=since).exists():
        raise errors.TooNew
