"""Boundaries that humans touch: an exception for one nobody can serve, and one that the metadata misses."""

from typing import Any

from audit.tags import Tag
from recoverydesk.recovery import errors, notices
from recoverydesk.recovery.code_hosts.described import stored_hosts
from recoverydesk.recovery.models import Boundary, BoundaryException, RecoveryTicket, Status
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.repository_urls.parser import Place, as_repository
from recoverydesk.recovery.workflow.advancing import advance, end_approvals
from recoverydesk.recovery.workflow.checks import check_full_staff
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, check_confirmed, save, verb
from recoverydesk.recovery.workflow.seen_pages import Seen
from recoverydesk.recovery.workflow.table import Verb


def ask_exception(
    ticket_id: int, *, actor: Actor, boundary_id: int, other_proof: str, reason: str, seen: Seen | None = None
) -> RecoveryTicket:
    """Ask to accept a boundary that nobody can serve. `other_proof` is what speaks for the claimant instead.

    Raises CoOwnedTicket, StaleTicket, ReasonTooShort, decisions.ConfirmationNeeded, and InvalidTransition where there
    is nothing to except.
    """
    with verb(Verb.ASK_EXCEPTION, ticket_id, actor, seen) as locked:
        text, boundary = check_reason(reason), _unproved(locked, boundary_id)
        if actor.user is None or other_proof not in BoundaryException.OtherProof.values or _live(boundary).exists():
            raise errors.InvalidTransition("asked already, or no such kind of proof")
        check_confirmed(locked, str(boundary))
        BoundaryException.objects.create(
            boundary=boundary, other_proof=other_proof, reason=text, asked_by=actor.user, asked_at=locked.now
        )  # fmt: skip
        tag = Tag.ACCOUNT_RECOVERY_ASK_EXCEPTION
        return save(locked, tag, boundary=str(boundary), other_proof=other_proof, reason=text)


def approve_exception(
    ticket_id: int, *, actor: Actor, boundary_id: int, reason: str, seen: Seen | None = None
) -> RecoveryTicket:
    """Another person says yes; the ticket now waits longer and needs two people.

    Raises SamePerson, TooNew, CoOwnedTicket, StaleTicket, ReasonTooShort, InvalidTransition,
    decisions.ConfirmationNeeded.
    """
    with verb(Verb.APPROVE_EXCEPTION, ticket_id, actor, seen) as locked:
        check_full_staff(actor, locked.now)
        _decide(locked, boundary_id, approved=True, reason=check_reason(reason))
        end_approvals(locked.ticket)
        return advance(locked)


def decline_exception(
    ticket_id: int, *, actor: Actor, boundary_id: int, reason: str, seen: Seen | None = None
) -> RecoveryTicket:
    """Another person says no: the boundary stays asked for. Raises what `approve_exception` raises, but for TooNew."""
    with verb(Verb.DECLINE_EXCEPTION, ticket_id, actor, seen) as locked:
        _decide(locked, boundary_id, approved=False, reason=check_reason(reason))
        return locked.ticket


def _decide(locked: LockedTicket, boundary_id: int, *, approved: bool, reason: str) -> None:
    actor = locked.actor
    boundary = _unproved(locked, boundary_id)
    asked = _live(boundary).filter(approved=None).first()
    if asked is None:
        raise errors.InvalidTransition("nobody asked for this exception")
    if actor.user is None or asked.asked_by_id == actor.user.pk:
        raise errors.SamePerson
    check_confirmed(locked, str(boundary))
    asked.approved, asked.decided_by, asked.decided_at, asked.decided_reason = approved, actor.user, locked.now, reason
    asked.save(update_fields=["approved", "decided_by", "decided_at", "decided_reason"])
    tag = Tag.ACCOUNT_RECOVERY_APPROVE_EXCEPTION if approved else Tag.ACCOUNT_RECOVERY_DECLINE_EXCEPTION
    save(locked, tag, boundary=str(boundary), reason=reason)


def _unproved(locked: LockedTicket, boundary_id: int) -> Boundary:
    row = next((row for row in locked.asked if row.pk == boundary_id and row.proved_at is None), None)
    if row is None:
        raise errors.InvalidTransition("not a boundary this ticket lacks")
    return row


def _live(boundary: Boundary) -> Any:
    """The one exception of a boundary that was not declined."""
    return BoundaryException.objects.filter(boundary=boundary).exclude(approved=False)


def asked_by(ticket: RecoveryTicket) -> set[int]:
    """Who asked for the exceptions this ticket stands on (account ids): none of them resets."""
    rows = BoundaryException.objects.filter(boundary__ticket=ticket, boundary__proved_at=None, approved=True)
    return set(rows.values_list("asked_by_id", flat=True))


def excepted_projects(ticket: RecoveryTicket) -> set[str]:
    """The names of projects whose boundary was accepted without proof."""
    excepted = ticket.boundaries.filter(proved_at=None, exceptions__approved=True)
    return {repository["project"] for row in excepted for repository in row.repositories}


# A boundary the metadata misses ---------------------------------------------------------------------------------------


def add_boundary(ticket_id: int, *, actor: Actor, url: str, reason: str) -> RecoveryTicket:
    """Ask for one more boundary that no counting link names. It adds strength and never shortens a clock.

    Raises NotABoundary, CoOwnedTicket, ReasonTooShort, and InvalidTransition when it is asked for already.
    """
    with verb(Verb.ADD_BOUNDARY, ticket_id, actor) as locked:
        text, place = check_reason(reason), as_repository(url.strip(), stored_hosts())
        if not place.names_repository:
            raise errors.NotABoundary
        boundary = _add(locked, place, text)
        end_approvals(locked.ticket)
        locked.boundaries = list(locked.ticket.boundaries.order_by("id"))
        save(locked, Tag.ACCOUNT_RECOVERY_ADD_BOUNDARY, boundary=str(boundary), url=place.url, reason=text)
        _tell(locked, boundary)
        return locked.ticket


def _add(locked: LockedTicket, place: Place, reason: str) -> Boundary:
    known = next((row for row in locked.boundaries if (row.host, row.namespace) == (place.host, place.namespace)), None)
    if known is not None and known.kind == Boundary.Kind.ASKED:
        raise errors.InvalidTransition("asked for already")
    row = known or Boundary(ticket=locked.ticket, host=place.host, namespace=place.namespace)
    row.kind, row.added_by, row.added_reason = Boundary.Kind.ASKED, locked.actor.user, reason
    row.repositories = row.repositories or [_repository(locked, place)]
    row.save()
    return row


def _repository(locked: LockedTicket, place: Place) -> dict[str, str]:
    now = locked.now.isoformat()
    return {
        "url": place.url, "repository": place.repository, "project": "", "label": "",
        "first_release": "", "first_seen": now, "last_release": "", "last_seen": now,
    }  # fmt: skip


def _tell(locked: LockedTicket, boundary: Boundary) -> None:
    """A contact that has its branch token already hears where else to push it."""
    ticket = locked.ticket
    if ticket.status != Status.CHALLENGED or not notices.contact_is_known(ticket):
        return
    Boundary.objects.filter(pk=boundary.pk).update(next_probe_at=locked.now)
    notices.asked_in_addition(ticket, [boundary])
