"""What the pages show of a ticket: reads, and nothing else."""

from dataclasses import dataclass, field
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
    """The one next step, the sentence why, what lacks or blocks, and what makes it our turn besides."""

    step: policy.Step
    sentence: str
    lacking: list[str]
    ours: list[str] = field(default_factory=list)


def next_step(case: policy.Case, now: datetime, *, by_itself: bool = False) -> NextStep:
    """The primary button and why, from the same function that guards the verbs.

    `by_itself`: the desk is about to ask for proof; only when it could not, a person has to look.
    """
    said = policy.explain(case, now, cases.numbers())
    if by_itself and said.step == policy.Step.CHALLENGE:
        return NextStep(said.step, str(wording.BY_ITSELF), [])
    lacking = [str(wording.BLOCKS[block]) for block in said.blocks]
    lacking += [str(wording.MISSING[ask]) for ask in said.lacking]
    ours = said.turn == policy.Turn.OURS
    sentence = wording.OURS.get(said.step, wording.STEPS[said.step]) if ours else wording.STEPS[said.step]
    return NextStep(said.step, str(sentence), lacking, _why_ours(case) if ours else [])


def _why_ours(case: policy.Case) -> list[str]:
    """What somebody did that a person has to look at; a new or ready ticket is our turn without."""
    seen = {**vars(case), "needs_a_person": case.needs_a_person and not case.all_served}
    if case.status not in policy.OPEN:
        seen = {"objected": case.objected}
    return [str(words) for name, words in wording.WHY_OURS.items() if seen.get(name)]
