"""What the pages show of a ticket: reads, and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recoverydesk.recovery import policy, wording
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Boundary
from recoverydesk.recovery.probing.verdicts import Verdict

LISTED = 5


@dataclass(frozen=True)
class BoundaryRow:
    """One boundary in words."""

    boundary: Boundary
    state: str
    verdict: str
    repositories: list[dict[str, Any]]
    more: int
    due: bool

    @property
    def proved(self) -> bool:
        return self.boundary.proved_at is not None


def boundary_rows(boundaries: list[Boundary], now: datetime) -> list[BoundaryRow]:
    """Each boundary with its words; `due` while a look is about to happen."""
    return [
        BoundaryRow(
            boundary=boundary,
            state="proved" if boundary.proved_at else boundary.kind,
            verdict=str(wording.VERDICTS[Verdict.FOUND if boundary.proved_at else boundary.last_verdict]),
            repositories=boundary.repositories[:LISTED],
            more=max(0, len(boundary.repositories) - LISTED),
            due=boundary.next_probe_at is not None and boundary.next_probe_at <= now,
        )
        for boundary in boundaries
    ]


@dataclass(frozen=True)
class NextStep:
    """The one next step and the sentence why."""

    step: policy.Step
    sentence: str
    lacking: list[str]


def next_step(case: policy.Case, now: datetime, *, by_itself: bool = False) -> NextStep:
    """The primary button and why, from the same function that guards the verbs.

    `by_itself`: the desk is about to ask for proof; only when it could not, a person has to look.
    """
    said = policy.explain(case, now, cases.numbers())
    if by_itself and said.step == policy.Step.CHALLENGE:
        return NextStep(said.step, str(wording.BY_ITSELF), [])
    lacking = [str(wording.BLOCKS[block]) for block in said.blocks]
    lacking += [str(wording.MISSING[ask]) for ask in said.lacking]
    return NextStep(said.step, str(wording.STEPS[said.step]), lacking)
