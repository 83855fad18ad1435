"""The rules of docs/design.md asked of the data itself, whatever the verbs believe they did.

Each rule is a function that yields the rows which break it. They read, lock nothing and change nothing; on a busy
site a finding that is gone at the second run was a transaction on its way.
"""

from collections.abc import Callable, Iterator

from recoverydesk.invariants import (
    background,
    chain,
    evidence,
    glass,
    letters,
    project_guards,
    remains,
    second_people,
    staged,
)
from recoverydesk.invariants.broken import Broken

__all__ = ["RULES", "Broken", "check_rules"]

RULES: tuple[Callable[[], Iterator[Broken]], ...] = (
    evidence.boundary_without_proof,
    evidence.proof_that_proves_nothing,
    evidence.mailbox_not_confirmed,
    evidence.reset_before_its_time,
    evidence.clock_before_notices,
    evidence.reset_by_wrong_person,
    evidence.several_open,
    second_people.approval_missing,
    second_people.exception_by_one,
    second_people.account_proof_missing,
    remains.factor_older_than_reset,
    remains.session_older_than_reset,
    remains.token_older_than_reset,
    remains.publisher_older_than_reset,
    remains.rest_without_reset,
    remains.link_of_the_closed,
    chain.status_without_event,
    chain.not_one_reset,
    glass.broken_glass,
    letters.notice_missing,
    letters.mails_gone_early,
    letters.notice_twice,
    letters.secret_to_a_stranger,
    letters.words_kept,
    background.lease_stuck,
    background.guard_missing,
    staged.staged_and_over,
    staged.staged_and_published,
    project_guards.guard_without_event,
    project_guards.guard_before_its_time,
)


def check_rules(follow: Callable[[int, int], object] = lambda done, total: None) -> Iterator[Broken]:
    """Ask every rule and yield what breaks one, rule by rule; `follow` hears how many rules of all were asked."""
    for done, rule in enumerate(RULES, start=1):
        yield from rule()
        follow(done, len(RULES))
