"""One click and one second factor for several staged releases: each is published or discarded as it was shown, or not.

The releases are decided one by one: what became impossible for one of them is said and holds up no other. The factor
is for this very batch (accounts/decisions.py), so that neither a stolen session nor a second click does it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import decisions
from accounts.factors import has_primary_factor
from accounts.models import User
from audit.log import RequestOrigin
from recoverydesk.projects import guards
from recoverydesk.projects.published import InvalidFact
from recoverydesk.staging import ending, errors, reading, showing
from recoverydesk.staging.models import StagedRelease

PUBLISH, DISCARD = "publish", "discard"
VERBS = {PUBLISH: ending.publish, DISCARD: ending.discard}


@dataclass(frozen=True)
class Seen:
    """A release as somebody saw it: `digest` stands for its files (reading.shown)."""

    uid: UUID
    digest: str


@dataclass(frozen=True)
class Outcome:
    """What became of one release; `refusal` is empty where it was done."""

    name: str
    refusal: str = ""


def decide(
    verb: str,
    seen: Sequence[Seen],
    *,
    actor: User,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> list[Outcome]:
    """Publish or discard each of these, in their order.

    Raises NothingChosen, NoFactor and decisions.ConfirmationNeeded, each before anything is changed.
    """
    if verb not in VERBS or not 0 < len(seen) <= showing.ON_A_PAGE:
        raise errors.NothingChosen
    known = _known(seen, actor)
    reader = ending.reader_of(actor)
    refused = [_foreseen(verb, one, known.get(one.uid), reader) for one in seen]
    if all(one.refusal for one in refused):
        return refused
    if not has_primary_factor(actor):
        raise errors.NoFactor
    chosen = _chosen(verb, seen, refused, known, confirmed)
    words = _words(verb, [_name(known.get(one.uid)) for one in chosen])
    decisions.check_confirmation(confirmed, decision(verb, chosen, known), actor, words)
    return [
        _done(verb, one, known.get(one.uid), actor, origin) if one in chosen else _left_out(outcome)
        for one, outcome in zip(seen, refused, strict=True)
    ]


def decision(verb: str, chosen: Sequence[Seen], known: dict[UUID, StagedRelease]) -> decisions.Decision:
    """The decision about these very releases, as they were shown: with a key where the guard of one asks for a key."""
    key = any(guards.asks_key(known[one.uid].project) for one in chosen if one.uid in known)
    whole = "\n".join(map(_line, chosen))
    return decisions.Decision(f"staged_{verb}", f"{len(chosen)} staged", whole, staff=False, key=key)


def _line(seen: Seen) -> str:
    return f"{seen.uid} {seen.digest}"


def _chosen(
    verb: str, seen: Sequence[Seen], refused: Sequence[Outcome], known: dict[UUID, StagedRelease],
    confirmed: decisions.Confirmation | None,
) -> list[Seen]:  # fmt: skip
    """What the confirmation names; before there is one, what nothing forbids now."""
    if confirmed is not None:
        named = confirmed.decision.seen.splitlines()
        chosen = [one for one in seen if _line(one) in named]
        if decision(verb, chosen, known) == confirmed.decision:
            return chosen
    return [one for one, outcome in zip(seen, refused, strict=True) if not outcome.refusal]


def _left_out(outcome: Outcome) -> Outcome:
    return outcome if outcome.refusal else Outcome(outcome.name, str(errors.NotConfirmed()))


def _known(seen: Sequence[Seen], actor: User) -> dict[UUID, StagedRelease]:
    """Those in projects of the actor's: of others they hear no name."""
    mine = {"project__roles__user": actor, "project__roles__accepted_at__isnull": False}
    found = StagedRelease.objects.filter(uid__in=[one.uid for one in seen], **mine)
    return {row.uid: row for row in found.select_related("project")}


def _name(row: StagedRelease | None) -> str:
    return f"{row.project.name} {row.version}" if row else "?"


def _foreseen(verb: str, seen: Seen, row: StagedRelease | None, reader: ending.Reader) -> Outcome:
    """What can be said before a factor is asked for; the verb asks again under the lock."""
    try:
        if row is None or not row.waits:
            raise errors.Ended
        files = list(row.files.all())
        if verb == PUBLISH:
            ending.check_publisher(row, files, reader)
        else:
            ending.check_discarder(row, reader)
        if reading.shown(files) != seen.digest:
            raise errors.ChangedSince
    except errors.StagingError as refusal:
        return Outcome(_name(row), str(refusal))
    return Outcome(_name(row))


def _done(verb: str, seen: Seen, row: StagedRelease | None, actor: User, origin: RequestOrigin | None) -> Outcome:
    try:
        if row is None:
            raise errors.Ended
        VERBS[verb](seen.uid, actor=actor, shown=seen.digest, origin=origin)
    except (errors.StagingError, InvalidFact) as refusal:
        return Outcome(_name(row), str(refusal))
    return Outcome(_name(row))


def _words(verb: str, names: list[str]) -> list[str]:
    number = len(names)
    if verb == PUBLISH:
        first = ngettext("Publish %(number)s release:", "Publish %(number)s releases:", number)
    else:
        first = ngettext("Discard %(number)s staged release:", "Discard %(number)s staged releases:", number)
    end = _("Then everybody can install the release.") if verb == PUBLISH else _("We delete its files.")
    return [first % {"number": number}, *names, end]
