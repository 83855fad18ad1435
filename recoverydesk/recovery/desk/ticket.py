"""What the ticket page shows a member of staff, and what its buttons do."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import second_factors
from common.clock import database_now
from recoverydesk.projects import people
from recoverydesk.recovery import policy, summary, wording
from recoverydesk.recovery.desk import drift, flags, host_waits, mentions, presence, proofs, replies, timeline
from recoverydesk.recovery.evidence import cases, facts
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import RESET, WORK, Actor
from recoverydesk.recovery.workflow import seen_pages
from recoverydesk.recovery.workflow.advancing import NEAR, still_stands
from recoverydesk.recovery.workflow.challenges import stops_resending
from recoverydesk.recovery.workflow.objections import decided
from recoverydesk.recovery.workflow.resets import may_reset
from tokens.models import ApiToken

SHOWS = timeline.SHOWS

PRESSES: dict[str, str | Promise] = {
    Claim.SECOND_FACTOR: gettext_lazy("Reset second factors"),
    Claim.EMAIL: gettext_lazy("Reset the address"),
    Claim.EMAIL_AND_SECOND_FACTOR: gettext_lazy("Reset address and second factors"),
    Claim.UNVERIFIED_EMAIL: gettext_lazy("Mark the address as verified"),
}


@dataclass(frozen=True)
class Primary:
    """The one primary button, or none."""

    verb: str
    label: str
    needs_reason: bool = False


def page(ticket: RecoveryTicket, actor: Actor, *, show: str = "") -> dict[str, Any]:
    """Everything the ticket page needs, in a fixed number of queries. `show` picks a part of the timeline."""
    now = database_now()
    boundaries = list(ticket.boundaries.select_related("proof").order_by("kind", "host", "namespace"))
    case = cases.read(ticket, now, boundaries)
    step = summary.next_step(case, now, by_itself=ticket.challenges_itself)
    own = actor.user is not None and actor.user.pk == ticket.subject_id
    beside = actor.user is not None and people.co_owns(actor.user, ticket.subject)
    primary = None if own or beside else _primary(step.step, case, actor)
    told = timeline.story(ticket, boundaries)
    return {
        "ticket": ticket,
        "now": now,
        "case": case,
        "step": step,
        "primary": primary,
        "own": own,
        "beside": beside,
        "may_work": WORK in actor.rights and not own and not beside,
        "may_note": WORK in actor.rights and not own,
        "facts": _facts(ticket),
        "fact_names": facts.NAMES,
        "rows": summary.boundary_rows(boundaries, now),
        "looks": told.newest_looks,
        "since": drift.sentences(ticket, boundaries),
        "waits": host_waits.waits(ticket, boundaries, now),
        "may_send_back": ticket.status in NEAR and not still_stands(ticket, boundaries, case, now),
        "may_resend": ticket.status == Status.CHALLENGED and not stops_resending(case),
        "may_settle": case.objected and RESET in actor.rights and actor.user and not decided(ticket, actor.user),
        "flags": flags.of(ticket, now),
        "timeline": timeline.timeline(told, show=show),
        "timeline_cut": told.is_cut and timeline.TIMELINE,
        "show": show,
        "shows": timeline.SHOWS,
        "seen": seen_pages.Seen(ticket.version, told.newest_event),
        "removes": _removes(ticket) if step.step == policy.Step.RESET else None,
        "two_people": cases.needs_two_people(case),
        "evidence": _evidence(ticket, case),
        "result": timeline.result(told) if ticket.status == Status.COMPLETED else None,
        "earlier": _earlier(ticket),
        "mentions": list(mentions.unread(actor.user, ticket)) if actor.user else [],
        "others": presence.others(ticket.pk, actor.user, now) if actor.user else [],
        "live": ticket.status in (Status.CHALLENGED, Status.WAITING),
        **proofs.read(ticket, boundaries, case),
        **_replying(ticket, boundaries),
    }


def _facts(ticket: RecoveryTicket) -> list[facts.Fact]:
    says: dict[str, Any] = {"claim": ticket.claim, "says_codes_lost": ticket.says_codes_lost, "contact": ticket.contact}
    return facts.table(**says, facts=ticket.facts)


def _replying(ticket: RecoveryTicket, boundaries: list[Boundary]) -> dict[str, Any]:
    """The canned replies, the one that fits first."""
    templates = replies.offered()
    fitting = replies.suggested(templates, replies.situation(ticket, boundaries))
    return {"reply_templates": templates, "fitting": fitting}


def _primary(step: policy.Step, case: policy.Case, actor: Actor) -> Primary | None:
    """The button belongs to who may press it; the verb asks again."""
    rule = policy.row(case, cases.numbers())
    if step == policy.Step.RESET:
        return Primary("reset", str(PRESSES[case.claim]), needs_reason=True) if may_reset(actor, case, rule) else None
    if step == policy.Step.APPROVE:
        return Primary("approve", _("Approve"), needs_reason=True) if RESET in actor.rights else None
    if WORK not in actor.rights:
        return None
    return {
        policy.Step.CHALLENGE: Primary("challenge", _("Ask for proof")),
        policy.Step.PROBE: Primary("check_now", _("Check boundaries now")),
    }.get(step)


def _removes(ticket: RecoveryTicket) -> dict[str, str]:
    """What the press will take away, counted now, in words."""
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
    parts = [_("%(proved)d of %(asked)d boundaries proved") % {"proved": case.proved, "asked": case.asked}]
    if case.excepted:
        parts.append(_("%(excepted)d accepted without proof") % {"excepted": case.excepted})
    if case.account_proof:
        parts.append(_("a proof bound to the account given"))
    if case.mailbox_confirmed_at:
        parts.append(_("mailbox confirmed %(at)s") % {"at": f"{case.mailbox_confirmed_at:%Y-%m-%d %H:%M} UTC"})
    if case.wait_until:
        parts.append(_("waited until %(at)s") % {"at": f"{case.wait_until:%Y-%m-%d %H:%M} UTC"})
    return ", ".join(parts)


def _earlier(ticket: RecoveryTicket) -> list[RecoveryTicket]:
    others = RecoveryTicket.objects.filter(subject_id=ticket.subject_id).exclude(pk=ticket.pk)
    return list(others.select_related("subject").order_by("-id")[:10])


# Buttons --------------------------------------------------------------------------------------------------------------
