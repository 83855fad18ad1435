"""How the rest of a role begins with a reset, and what time does to it: notices, and the end.

The second is a chore of the sweep. The thirty days count from the first notice, and nothing ends within three days of
the last one, so that no outage and no clock that was ahead takes the other owners' time to say no (ADR 0119).
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from accounts.models import User
from audit.log import Party, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import holds, mails
from recoverydesk.projects.holds import LAST_NOTICE, LASTS
from recoverydesk.projects.models import Role

NOTICES = {"middle": LASTS / 2, "last": LASTS - LAST_NOTICE}  # after the first one, "begun"
BATCH = 100  # accounts in one sweep


@transaction.atomic
def begin(user: User, excepted: Iterable[str], *, requested_at: datetime, actor: Party | str, ticket: int) -> int:
    """At a reset: what nobody proved stands still, and what nobody accepted is gone. Returns how many roles rest.

    Roles rest in the `excepted` projects, and wherever they were accepted less than RECOVERY_YOUNG_LINK before the
    request, or later: nobody was asked for the boundaries of those. Invitations end first, so that one that is accepted
    at this moment is either gone or rests.
    """
    _end_invitations(user, actor=actor, ticket=ticket)
    return holds.hold(user, excepted, actor=actor, ticket=ticket, since=requested_at - settings.RECOVERY_YOUNG_LINK)


def _end_invitations(user: User, *, actor: Party | str, ticket: int) -> None:
    """Each with an event; the owners of those projects are told that they can invite again."""
    open_ones, ended = Role.objects.filter(user=user, accepted_at=None), []
    for role in open_ones.select_related("project").order_by("id"):
        if open_ones.filter(pk=role.pk).delete()[0]:
            record(Tag.ACCOUNT_ROLE_REVOKE_INVITE, actor=actor, subject=user, project=role.project, ticket=ticket)
            ended.append(role.project)
    if ended:
        mails.tell_of_ended_invitations(user, ended, ticket)


def sweep() -> int:
    """Send what is due and end what is over; returns how many roles that were. Two queries where nothing is."""
    return sum(_tell(*one) for one in _accounts(_untold())) + sum(_end(*one) for one in _accounts(_over()))


def _accounts(due: QuerySet[Role]) -> list[tuple[int, int | None]]:
    """Account and ticket: the roles that one reset let rest go through their notices together."""
    return list(due.order_by("user_id", "held_for").values_list("user_id", "held_for").distinct()[:BATCH])


def _resting() -> QuerySet[Role]:
    return Role.objects.filter(held_at__isnull=False, held_for__isnull=False)


def _untold() -> QuerySet[Role]:
    """Roles of which a notice is due: nobody was told since its day came."""
    due = Q(rest_told_at=None)
    for after in NOTICES.values():
        due |= Q(held_at__lte=Now() - after, rest_told_at__lt=F("held_at") + after)
    return _resting().filter(due)


def _over() -> QuerySet[Role]:
    """Roles whose rest ends now: its time is over and so are the last notice's days. A frozen account's waits."""
    told = Q(rest_told_at__gte=F("held_at") + NOTICES["last"], rest_told_at__lte=Now() - LAST_NOTICE)
    open_account = Q(user__frozen_at=None, user__is_active=True)
    return _resting().filter(told, holds.ends_by_itself(), open_account, held_at__lte=Now() - LASTS)


@transaction.atomic
def _tell(user_id: int, ticket: int | None) -> int:
    """Mark and mail in one transaction; only one worker gets to mark."""
    now = database_now()
    began = Case(When(rest_told_at=None, then=now), default=F("held_at"))
    due = _untold().filter(user=user_id, held_for=ticket)
    if not due.update(held_at=began, rest_told_at=now):
        return 0
    rests = holds.describe(holds.resting().filter(user=user_id, held_for=ticket, rest_told_at=now))
    mails.tell_of_rest(rests, ticket, _state(rests[0].role))
    return len(rests)


def _state(role: Role) -> str:
    """Which notice this is: the last one whose day has come."""
    assert role.held_at is not None
    assert role.rest_told_at is not None
    age = role.rest_told_at - role.held_at
    return next((name for name in reversed(NOTICES) if age >= NOTICES[name]), "begun")


@transaction.atomic
def _end(user_id: int, ticket: int | None) -> int:
    over = _over().filter(user=user_id, held_for=ticket).select_related("user", "project").order_by("id")
    ended = [role for role in over if holds.release(role, actor="system", how="time")]
    if ended:
        mails.tell_of_end(ended, ticket, how="time")
    return len(ended)
