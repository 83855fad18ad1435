"""What the ticket page shows a member of staff. Its buttons are in `buttons`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import second_factors
from common.clock import database_now
from recoverydesk.projects import people
from recoverydesk.recovery import doubts, policy, summary, wording
from recoverydesk.recovery.desk import (
    drift,
    flags,
    host_waits,
    mentions,
    noes,
    presence,
    proofs,
    reader_rights,
    replies,
    timeline,
)
from recoverydesk.recovery.desk.flags import Flag
from recoverydesk.recovery.desk.proofs import Proofs
from recoverydesk.recovery.desk.timeline import SHOWS, Line, Result
from recoverydesk.recovery.evidence import cases, facts, unused_links
from recoverydesk.recovery.evidence.facts import NAMES, Fact
from recoverydesk.recovery.models import (
    Boundary,
    Claim,
    Judgement,
    Mention,
    Probe,
    RecoveryTicket,
    ReplyTemplate,
    Status,
)
from recoverydesk.recovery.permissions import WORK_TICKETS, Actor
from recoverydesk.recovery.workflow import seen_pages
from recoverydesk.recovery.workflow.advancing import WAITING_OR_READY, still_stands
from recoverydesk.recovery.workflow.challenges import may_be_sent_again
from tokens.models import ApiToken

RESET_LABELS: dict[str, str | Promise] = {
    Claim.SECOND_FACTOR: gettext_lazy("Reset second factors"),
    Claim.EMAIL: gettext_lazy("Reset the address"),
    Claim.EMAIL_AND_SECOND_FACTOR: gettext_lazy("Reset address and second factors"),
    Claim.UNVERIFIED_EMAIL: gettext_lazy("Mark the address as verified"),
    Claim.UNVERIFIED_AND_FACTOR: gettext_lazy("Verify the address and reset second factors"),
}


@dataclass(frozen=True)
class Primary:
    """The one primary button, or none."""

    verb: str
    label: str
    needs_reason: bool = False


@dataclass(frozen=True)
class Rights:
    """What the reader of the page may do; every verb asks again. `why_not`: who takes the next step instead."""

    own: bool  # the ticket is about the reader
    co_owns: bool  # the reader shares a project with the subject
    may_work: bool
    may_note: bool
    may_send_back: bool
    may_resend: bool
    may_settle: bool
    why_not: str


@dataclass(frozen=True)
class Evidence:
    """The claim next to what is on file, and what is known of each boundary, by its number."""

    facts: list[Fact]
    rows: list[summary.BoundaryRow]
    looks: dict[int, Probe]
    since: dict[int, list[str]]  # what changed in the links since the ticket was opened
    waits: dict[int, host_waits.Wait]
    evidence: str
    unused: unused_links.UnusedLinks
    fact_names: Mapping[str, str | Promise] = field(default_factory=lambda: NAMES)


@dataclass(frozen=True)
class History:
    """What happened, in the part of the timeline that is shown."""

    show: str
    timeline: list[Line]
    timeline_cut: int  # how many lines there are at most; 0 when all are shown
    result: Result | None
    earlier: list[RecoveryTicket]
    noes: list[noes.SaidNo]
    shows: dict[str, str | Promise] = field(default_factory=lambda: SHOWS)


@dataclass(frozen=True)
class Reader:
    """What is for this reader alone: notes that name them, who else is here, replies to choose from."""

    mentions: list[Mention]
    others: list[presence.Other]
    reply_templates: list[ReplyTemplate]
    fitting: ReplyTemplate | None
    mismatch: str  # a new ticket whose claim does not fit the account, in words; "" for any other


PARTS = ("rights", "known", "history", "proofs", "reader")


@dataclass(frozen=True)
class Page:
    """Everything the ticket page shows."""

    ticket: RecoveryTicket
    now: datetime
    case: policy.Case
    step: summary.NextStep
    doubt: doubts.Doubt | None
    alone: str  # how long an exception would wait that nothing else stands beside
    primary: Primary | None
    seen: seen_pages.Seen
    flags: list[Flag]
    removes: dict[str, str] | None
    two_people: bool
    live: bool  # the page asks for news by itself
    rights: Rights
    known: Evidence
    history: History
    proofs: Proofs
    reader: Reader
    judgements: tuple[tuple[str, str | Promise], ...] = tuple(Judgement.choices)

    def context(self) -> dict[str, Any]:
        """The same for the templates, which know the parts' names and not the parts."""
        own = {name: value for name, value in vars(self).items() if name not in PARTS}
        return own | {name: value for part in PARTS for name, value in vars(getattr(self, part)).items()}


def ticket_page(ticket: RecoveryTicket, actor: Actor, *, show: str = "") -> Page:
    """Read everything the ticket page needs, in a fixed number of queries. `show` picks a part of the timeline."""
    now = database_now()
    boundaries = list(ticket.boundaries.select_related("proof").order_by("kind", "host", "namespace"))
    case = cases.read_case(ticket, now, boundaries)
    step = summary.next_step(case, now, by_itself=ticket.challenges_itself)
    told = timeline.story(ticket, boundaries)
    rights = _rights(ticket, actor, case, step.step, now)
    return Page(
        ticket=ticket,
        now=now,
        case=case,
        step=step,
        doubt=doubts.doubt(ticket, case),
        alone=doubts.alone(case),
        primary=_primary(step.step, case) if rights.may_work and not rights.why_not else None,
        seen=seen_pages.Seen(ticket.version, told.newest_event),
        flags=flags.flags_of_ticket(ticket, now, asked=case.asked),
        removes=_removes(ticket) if step.step == policy.Step.RESET else None,
        two_people=cases.needs_two_people(case),
        live=ticket.status in (Status.CHALLENGED, Status.WAITING),
        rights=rights,
        known=_known(ticket, case, boundaries, told, now),
        history=_history(ticket, told, show),
        proofs=proofs.read_proofs(ticket, boundaries, case),
        reader=_reader(ticket, actor, boundaries, now),
    )


def _rights(ticket: RecoveryTicket, actor: Actor, case: policy.Case, step: policy.Step, now: datetime) -> Rights:
    own = actor.user is not None and actor.user.pk == ticket.subject_id
    co_owns = actor.user is not None and people.co_owns(actor.user, ticket.subject)
    why_not = "" if own or co_owns else reader_rights.why_not(ticket, case, step, actor, now)
    return Rights(
        own=own,
        co_owns=co_owns,
        may_work=WORK_TICKETS in actor.rights and not own and not co_owns,
        may_note=WORK_TICKETS in actor.rights and not own,
        may_send_back=ticket.status in WAITING_OR_READY and not still_stands(case, now),
        may_resend=ticket.status == Status.CHALLENGED and may_be_sent_again(case),
        may_settle=case.objected and not (own or co_owns or why_not),
        why_not=why_not,
    )


def _known(
    ticket: RecoveryTicket, case: policy.Case, boundaries: list[Boundary], told: timeline.Story, now: datetime
) -> Evidence:
    return Evidence(
        facts=facts.table(
            claim=ticket.claim, says_codes_lost=ticket.says_codes_lost, contact=ticket.contact, facts=ticket.facts
        ),
        rows=summary.boundary_rows(boundaries, now),
        looks=told.newest_looks,
        since=drift.sentences(ticket, boundaries),
        waits=host_waits.waits(ticket, boundaries, now),
        evidence=_evidence(ticket, case),
        unused=unused_links.of_ticket(ticket, {(row.host, row.namespace) for row in boundaries}),
    )


def _history(ticket: RecoveryTicket, told: timeline.Story, show: str) -> History:
    return History(
        show=show,
        timeline=timeline.timeline(told, show=show),
        timeline_cut=timeline.TIMELINE if told.is_cut else 0,
        result=timeline.result(told) if ticket.status == Status.COMPLETED else None,
        earlier=_earlier(ticket),
        noes=noes.noes(ticket, told.events),
    )


def _reader(ticket: RecoveryTicket, actor: Actor, boundaries: list[Boundary], now: datetime) -> Reader:
    """The canned replies come with the one that fits."""
    templates, situation = replies.offered(), replies.situation(ticket, boundaries)
    mismatch = (ticket.status == Status.NEW and not ticket.challenges_itself) or situation == "out_of_reach"
    return Reader(
        mentions=list(mentions.unread(actor.user, ticket)) if actor.user else [],
        others=presence.others(ticket.pk, actor.user, now) if actor.user else [],
        reply_templates=templates,
        fitting=replies.suggested(templates, situation),
        mismatch=str(replies.SITUATIONS.get(situation, _("the request does not fit the account"))) if mismatch else "",
    )


def _primary(step: policy.Step, case: policy.Case) -> Primary | None:
    """The button is shown to who may use it; the verb asks again."""
    return {
        policy.Step.RESET: Primary("reset", str(RESET_LABELS[case.claim]), needs_reason=True),
        policy.Step.APPROVE: Primary("approve", _("Approve"), needs_reason=True),
        policy.Step.CHALLENGE: Primary("challenge", _("Ask for proof")),
        policy.Step.PROBE: Primary("check_now", _("Check the repositories now")),
    }.get(step)


def _removes(ticket: RecoveryTicket) -> dict[str, str]:
    """What the reset will take away, counted now, in words."""
    factors = second_factors.summary(ticket.subject)
    return wording.counted(
        totp=factors.totp,
        webauthn=factors.webauthn,
        codes=factors.codes_left,
        sessions=ticket.subject.sessions.count(),
        tokens=ApiToken.objects.holdable().filter(user=ticket.subject).count(),
    )


def _evidence(ticket: RecoveryTicket, case: policy.Case) -> str:
    """The line that stands in the reason box: what speaks for this reset."""
    parts = [_("%(proved)d of %(asked)d repository owners proved") % {"proved": case.proved, "asked": case.asked}]
    if case.excepted:
        parts.append(_("%(excepted)d accepted without proof") % {"excepted": case.excepted})
    if case.account_proof:
        parts.append(_("other proof given"))
    if case.mailbox_confirmed_at:
        parts.append(_("mailbox confirmed %(at)s") % {"at": f"{case.mailbox_confirmed_at:%Y-%m-%d %H:%M} UTC"})
    if case.wait_until:
        parts.append(_("waited until %(at)s") % {"at": f"{case.wait_until:%Y-%m-%d %H:%M} UTC"})
    return ", ".join(parts)


def _earlier(ticket: RecoveryTicket) -> list[RecoveryTicket]:
    others = RecoveryTicket.objects.filter(subject_id=ticket.subject_id).exclude(pk=ticket.pk)
    return list(others.select_related("subject").order_by("-id")[:10])


# Buttons --------------------------------------------------------------------------------------------------------------
