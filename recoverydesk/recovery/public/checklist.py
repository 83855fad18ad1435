"""What is done, what is next and what comes later on the way back in, as the status page lists it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.accounts_tags import moment
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.notices import span
from recoverydesk.recovery.policy import Missing

BRANCH = {Missing.BOUNDARIES, Missing.ONE_BOUNDARY}


@dataclass(frozen=True)
class Item:
    """One thing that has to happen. The first one that is not done is `current`."""

    words: str
    done: bool
    current: bool = False


def checklist(case: policy.Case, now: datetime) -> list[Item]:
    """Everything from the branch to the decision, in the order in which it happens."""
    lacking = set(policy.missing(case, now, cases.numbers()))
    return _with_current([*_theirs(case, lacking), *_wait(case, lacking), Item(_decision(case), done=False)])


def _with_current(items: Iterable[Item]) -> list[Item]:
    found = list(items)
    first = next(place for place, item in enumerate(found) if not item.done)
    found[first] = replace(found[first], current=True)
    return found


def _theirs(case: policy.Case, lacking: set[Missing]) -> list[Item]:
    found = []
    if case.asked:
        words = _("Create the branch. %(found)s") % {"found": _found(case)}
        found.append(Item(words, done=not BRANCH & lacking))
    if Missing.ACCOUNT_PROOF in lacking or case.account_proof:
        words = _(
            "Send other proof that the account is yours: its password, an API token, a known browser or a security key."
        )
        found.append(Item(words, done=case.account_proof))
    words = _("Did you ask for this? Then press “Yes, I asked for this”.")
    return [*found, Item(words, done=Missing.MAILBOX not in lacking)]


def _found(case: policy.Case) -> str:
    words = ngettext(
        "We have found it for %(proved)d of %(total)d account or organisation.",
        "We have found it for %(proved)d of %(total)d accounts or organisations.",
        case.asked,
    )
    return words % {"proved": case.proved, "total": case.asked}


def _wait(case: policy.Case, lacking: set[Missing]) -> list[Item]:
    """The waiting period: its end once it runs, before that its length; nothing where nobody waits."""
    if case.wait_until is not None:
        done, until = Missing.WAITING_PERIOD not in lacking, {"until": moment(case.wait_until)}
        return [Item((_("We waited until %(until)s.") if done else _("Wait until %(until)s.")) % until, done=done)]
    length = policy.wait(case, cases.numbers())
    return [Item(_("Wait %(length)s.") % {"length": span(length)}, done=False)] if length else []


def _decision(case: policy.Case) -> str:
    if policy.people(case, cases.numbers()) > 1:
        return _("Two of our staff look at your request and decide.")
    return _("Our staff look at your request and decide.")
