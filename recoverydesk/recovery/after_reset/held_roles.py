"""The yes of another owner, which ends the rest of a role at once. What time does to it: projects/rests.py."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from audit import log
from audit.log import RequestOrigin
from audit.tags import Tag
from recoverydesk.projects import holds, mails, people
from recoverydesk.projects.models import Role
from recoverydesk.projects.roles import in_quarantine
from recoverydesk.recovery import errors
from recoverydesk.recovery.permissions import Actor


def release(role_id: int, *, actor: Actor, origin: RequestOrigin | None = None) -> None:
    """Another owner who acts, with a second factor and not in quarantine (design rule 9), lets a role act again.

    Raises RoleHeld, InQuarantine and StepUpRequired; a refusal is an event.
    """
    with _refusals_written(role_id, actor, origin), transaction.atomic():
        if not actor.recent or actor.user is None:
            raise errors.StepUpRequired
        if in_quarantine(actor.user):
            raise errors.InQuarantine
        role = holds.releasable_by(actor.user).filter(pk=role_id).first()
        if role is None or role.held_for is None or not people.co_owns(actor.user, role.user):
            raise errors.RoleHeld
        if holds.release(role, actor=actor.user, how="owner", origin=origin):
            mails.tell_of_end([role], role.held_for, how="owner")


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
