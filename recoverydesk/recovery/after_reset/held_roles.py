"""What co-owners see and may do during a recovery: open requests of people they share a project with, held roles."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts import decisions
from accounts.models import User
from audit import log
from audit.log import RequestOrigin
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import holds, people
from recoverydesk.projects.models import Role
from recoverydesk.projects.roles import in_quarantine
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.permissions import RESET, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import staff_decisions
from recoverydesk.recovery.workflow.checks import check_full_staff, check_not_co_owner, check_not_own
from recoverydesk.recovery.workflow.seen_pages import Seen, is_current

STAFF_AFTER_DAYS = 30


def release(role_id: int, *, actor: Actor, origin: RequestOrigin | None = None) -> None:
    """Another owner, with a second factor and not in quarantine (design rule 9), lets a held role act again.

    Raises RoleHeld, InQuarantine and StepUpRequired; a refusal is an event.
    """
    with _refusals_written(role_id, actor, origin):
        if not actor.recent or actor.user is None:
            raise errors.StepUpRequired
        if in_quarantine(actor.user):
            raise errors.InQuarantine
        role = holds.releasable_by(actor.user).filter(pk=role_id).first()
        if role is None or not people.co_owns(actor.user, role.user):
            raise errors.RoleHeld
        holds.release(role, actor=actor.user, origin=origin)


@contextmanager
def _refusals_written(role_id: int, actor: Actor, origin: RequestOrigin | None = None) -> Iterator[None]:
    """Write a refusal down, once what was refused is undone."""
    try:
        yield
    except errors.RecoveryError as refusal:
        role = Role.objects.select_related("user", "project").filter(pk=role_id).first()
        log.record_hourly(
            Tag.ACCOUNT_RECOVERY_REFUSED, actor=actor.party, subject=role.user if role else None,
            ticket=role.held_for if role else None, project=role.project if role else None,
            origin=origin or actor.origin, verb="release_role", error=type(refusal).__name__,
        )  # fmt: skip
        raise


def release_by_staff(role_id: int, *, actor: Actor, reason: str, seen: Seen | None = None) -> bool:
    """Two staff let a held role act again when no owner did for 30 days. True once the second one has said so.

    Raises RoleHeld, SamePerson, TooNew, OwnTicket, CoOwnedTicket, StaleTicket, NotAllowed, ReasonTooShort, and
    decisions.ConfirmationNeeded; a refusal is an event.
    """
    with _refusals_written(role_id, actor), transaction.atomic():
        role = Role.objects.select_for_update(of=("self",)).select_related("user", "project").filter(pk=role_id).first()
        if role is None or role.held_at is None or role.held_for is None:
            raise errors.RoleHeld
        user = _check_staff(role, actor)
        text = check_reason(reason)
        if (database_now() - role.held_at).days < STAFF_AFTER_DAYS:
            raise errors.RoleHeld
        ticket = RecoveryTicket.objects.select_related("subject").get(pk=role.held_for)
        if seen is not None and not is_current(seen, ticket):
            raise errors.StaleTicket
        if ticket.release_words.filter(role_id=role.pk, by=user).exists():
            raise errors.SamePerson
        _check_confirmed(role, ticket, actor, seen)
        return _second_word(role, ticket, user, text)


def _check_staff(role: Role, actor: Actor) -> User:
    if RESET not in actor.rights or actor.user is None:
        raise errors.NotAllowed
    check_not_own(role.user, actor)
    check_not_co_owner(role.user, actor)
    check_full_staff(actor, database_now())
    return actor.user


def _check_confirmed(role: Role, ticket: RecoveryTicket, actor: Actor, seen: Seen | None) -> None:
    """As every decision of staff: a second factor was shown for just this role."""
    assert actor.user is not None
    part = role.project.name
    decision = staff_decisions.decision("release_role", ticket.pk, seen, part)
    decisions.check_confirmation(
        actor.confirmed, decision, actor.user, staff_decisions.words("release_role", ticket, seen, part)
    )


def _second_word(role: Role, ticket: RecoveryTicket, user: User, reason: str) -> bool:
    """The first person's yes is kept with the ticket; the second, another one, releases."""
    if not ticket.release_words.filter(role_id=role.pk).exists():
        ticket.release_words.create(role_id=role.pk, by=user, reason=reason)
        return False
    return holds.release(role, actor=user, reason=reason)
