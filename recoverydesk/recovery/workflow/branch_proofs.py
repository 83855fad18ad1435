"""Proof comes in: what probes saw."""

import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from audit.tags import Tag
from common import leases
from recoverydesk.recovery import errors, notices
from recoverydesk.recovery.models import Boundary, Claim, Probe, RecoveryTicket
from recoverydesk.recovery.permissions import SYSTEM, Actor
from recoverydesk.recovery.probing.probe import Result, next_delay
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.recovery.workflow.advancing import advance
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, save, verb
from recoverydesk.recovery.workflow.table import Verb


def record_probe(
    ticket_id: int,
    boundary_id: int,
    *,
    actor: Actor = SYSTEM,
    lease: UUID | None,
    results: Sequence[tuple[str, Result]],
) -> RecoveryTicket:
    """Keep what one round of looks saw; an exact `found` proves the boundary. Nothing is kept when the lease is lost.

    `results` are (URL, result) pairs in the order of the looks. Raises InvalidTransition for another ticket's boundary.
    """
    with verb(Verb.RECORD_PROBE, ticket_id, actor) as locked:
        boundary = next((row for row in locked.asked if row.pk == boundary_id), None)
        if boundary is None:
            raise errors.InvalidTransition("not a boundary this ticket asks for")
        if boundary.proved_at is not None or boundary.lease != lease:
            return locked.ticket
        probes = Probe.objects.bulk_create(_probe_row(boundary, url, result, locked) for url, result in results)
        _schedule(boundary, results, locked)
        pairs = zip(probes, results, strict=True)
        proof = next((probe for probe, (url, result) in pairs if _proves(boundary, url, result)), None)
        if proof is None:
            return save(locked, None)
        _prove(locked, boundary, proof)
        return advance(locked)


def _proves(boundary: Boundary, url: str, result: Result) -> bool:
    """Found, in a repository of the frozen list, which names this boundary still (a code host's style may change)."""
    own = url in {repository["url"] for repository in boundary.repositories}
    there = (result.host, result.namespace)
    return result.verdict == Verdict.FOUND and own and there == (boundary.host, boundary.namespace)


def _probe_row(boundary: Boundary, url: str, result: Result, locked: LockedTicket) -> Probe:
    return Probe(
        boundary=boundary,
        url=url,
        repository=result.repository,
        verdict=result.verdict,
        detail=result.detail[:300],
        object_id=result.object_id or "",
        peer=result.peer or "",
        protocol=result.protocol or "",
        fingerprint=result.fingerprint,
        show_how=result.show_how,
        requests=result.requests,
        bytes_sent=result.bytes_sent,
        bytes_received=result.bytes_received,
        elapsed_ms=result.elapsed_ms,
        probed_at=locked.now,
    )


def _schedule(boundary: Boundary, results: Sequence[tuple[str, Result]], locked: LockedTicket) -> None:
    """When to look again: the soonest that any verdict asks for; never, when none does."""
    delays = [_delay(result, boundary.attempts) for _, result in results]
    soonest = min((delay for delay in delays if delay is not None), default=None)
    boundary.attempts += 1
    boundary.last_probed_at = locked.now
    boundary.last_verdict = _telling(results)
    boundary.next_probe_at = locked.now + soonest if soonest is not None else None
    leases.save_if_held(
        boundary,
        attempts=boundary.attempts,
        last_probed_at=boundary.last_probed_at,
        last_verdict=boundary.last_verdict,
        next_probe_at=boundary.next_probe_at,
    )


def _delay(result: Result, attempts: int) -> timedelta | None:
    """The host's own wish wins; a little chance keeps many tickets from asking one host at once."""
    return next_delay(Verdict(result.verdict), attempts, result.retry_after, jitter=random.random())  # noqa: S311


def _telling(results: Sequence[tuple[str, Result]]) -> str:
    """The verdict worth showing of several looks: a proof, then a plain absence, then the newest trouble."""
    verdicts = [Verdict(result.verdict) for _, result in results]
    for first in (Verdict.FOUND, Verdict.MISSING):
        if first in verdicts:
            return first
    return verdicts[0] if verdicts else ""


def _prove(locked: LockedTicket, boundary: Boundary, proof: Probe) -> None:
    """A proof stands though its branch is deleted afterwards. It confirms the mailbox: the name went nowhere else."""
    boundary.proof, boundary.proved_at, boundary.next_probe_at = proof, locked.now, None
    boundary.save(update_fields=["proof", "proved_at", "next_probe_at"])
    ticket = locked.ticket
    confirms = ticket.claim == Claim.SECOND_FACTOR and ticket.mailbox_confirmed_at is None
    if confirms:
        ticket.mailbox_confirmed_at = locked.now
    fields = ["mailbox_confirmed_at"] if confirms else []
    save(locked, Tag.ACCOUNT_RECOVERY_PROOF, *fields, boundary=str(boundary), url=proof.url, object_id=proof.object_id)
    if any(row.proved_at is None for row in locked.asked):
        done = sum(row.proved_at is not None for row in locked.asked)
        notices.progress(ticket, boundary, done=done, total=len(locked.asked))
