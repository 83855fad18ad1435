"""`manage.py ticket open|show|list|check`: the desk from a shell, through the same verbs and permissions."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from accounts import typed_names
from common.clock import database_now
from recoverydesk.recovery import doubts, errors, permissions, summary, workflow
from recoverydesk.recovery.background import intake, probe_rounds
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.workflow import issue_tracker


def a_time(text: str) -> datetime:
    """An ISO 8601 time; UTC unless it says otherwise."""
    try:
        parsed = parse_datetime(text)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ArgumentTypeError(f"{text!r} is not a time such as 2026-03-01T12:00:00Z")
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Open, show, list or check recovery tickets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        opening = verbs.add_parser("open", help="open a ticket, or join the one that is open")
        opening.add_argument("--user", required=True)
        opening.add_argument("--claim", required=True, choices=Claim.values)
        opening.add_argument("--contact", default="")
        opening.add_argument("--link", default="", help="the issue, under the configured tracker")
        opening.add_argument("--requested-at", type=a_time)
        show = verbs.add_parser("show", help="one ticket with its boundaries")
        check = verbs.add_parser("check", help="look at its repositories now")
        for sub in (show, check):
            sub.add_argument("number", type=int)
        listing = verbs.add_parser("list", help="the open tickets, longest turn first")
        for sub in (opening, show, check, listing):
            sub.add_argument("--json", action="store_true")
            sub.add_argument("--actor", help="a username; the system unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = getattr(self, f"_{options['verb']}")(options, self._actor(options["actor"]))
        except errors.RecoveryError as refusal:
            raise CommandError(f"{type(refusal).__name__}: {refusal}") from refusal
        for row in answer if isinstance(answer, list) else [answer]:
            self.stdout.write(json.dumps(row) if options["json"] else _in_words(row))

    def _actor(self, username: str | None) -> permissions.Actor:
        if username is None:
            return permissions.SYSTEM
        user = typed_names.find(username)
        if user is None:
            raise CommandError(f"there is no account {username!r}")
        return permissions.staff(user)

    def _open(self, options: dict[str, Any], actor: permissions.Actor) -> dict[str, Any]:
        subject = intake.find_subject(options["user"])
        if subject is None:
            raise errors.UnknownSubject(options["user"])
        opened = workflow.open_ticket(
            subject=subject,
            claim=Claim(options["claim"]),
            actor=actor,
            source=Source.SHELL,
            contact=options["contact"],
            requested_at=options["requested_at"],
            issue_url=_issue(options["link"]),
        )
        return {"joined": opened.joined, **describe(opened.ticket)}

    def _show(self, options: dict[str, Any], actor: permissions.Actor) -> dict[str, Any]:
        return describe(_find(options["number"], actor))

    def _list(self, options: dict[str, Any], actor: permissions.Actor) -> list[dict[str, Any]]:
        _may_view(actor)
        tickets = RecoveryTicket.objects.open().longest_turn_first().select_related("subject")
        return [_row(ticket) for ticket in tickets]

    def _check(self, options: dict[str, Any], actor: permissions.Actor) -> dict[str, Any]:
        ticket = _find(options["number"], actor)
        if ticket.status != Status.CHALLENGED:
            raise errors.InvalidTransition(f"check, {ticket.status}")
        probe_rounds.probe_ticket(ticket.pk, actor=actor)
        return describe(_find(ticket.pk, actor))


def _find(number: int, actor: permissions.Actor) -> RecoveryTicket:
    _may_view(actor)
    ticket = RecoveryTicket.objects.select_related("subject").filter(pk=number).first()
    if ticket is None:
        raise CommandError(f"there is no ticket {number}")
    return ticket


def _may_view(actor: permissions.Actor) -> None:
    if actor != permissions.SYSTEM and permissions.VIEW not in actor.rights:
        raise errors.NotAllowed


def _issue(link: str) -> str:
    """An issue is only taken from the configured tracker."""
    if link and not issue_tracker.holds(link):
        raise CommandError("--link: give an address under RECOVERY_ISSUE_TRACKER")
    return link


def _row(ticket: RecoveryTicket) -> dict[str, Any]:
    return {
        "number": ticket.pk,
        "user": ticket.subject.username,
        "claim": ticket.claim,
        "status": ticket.status,
        "turn": ticket.turn,
        "turn_since": ticket.turn_since.isoformat(),
    }


def describe(ticket: RecoveryTicket) -> dict[str, Any]:
    """One ticket as plain JSON: no branch token, no link."""
    now = database_now()
    boundaries = list(ticket.boundaries.order_by("kind", "host", "namespace"))
    case = cases.read_case(ticket, now, boundaries)
    step, doubt = summary.next_step(case, now), doubts.doubt(ticket, case)
    return {
        **_row(ticket),
        "contact": ticket.contact,
        "requested_at": ticket.requested_at.isoformat(),
        "wait_until": ticket.wait_until.isoformat() if ticket.wait_until else None,
        "doubt": doubt.number if doubt else None,
        "doubt_in_words": doubt.sentence if doubt else "",
        "next_step": step.step.value,
        "missing": step.lacking,
        "boundaries": [
            {
                "host": row.host,
                "namespace": row.namespace,
                "kind": row.kind,
                "proved_at": row.proved_at.isoformat() if row.proved_at else None,
                "last_verdict": row.last_verdict,
                "repositories": [repository["url"] for repository in row.repositories],
            }
            for row in boundaries
        ],
    }


def _in_words(row: dict[str, Any]) -> str:
    head = f"#{row['number']} {row['user']}: {row['claim']}, {row['status']}, turn: {row['turn']}"
    lines = [head]
    if "boundaries" in row:
        lines += [f"  requested {row['requested_at']}, contact {row['contact']}, waits until {row['wait_until']}"]
        lines += [f"  {row['doubt_in_words']}"] if row["doubt_in_words"] else []
        lines += [f"  missing: {one}" for one in row["missing"]]
    for boundary in row.get("boundaries", []):
        state = "proved" if boundary["proved_at"] else boundary["kind"]
        lines.append(f"  {boundary['host']}/{boundary['namespace']}: {state} {boundary['last_verdict']}")
        lines += [f"    {url}" for url in boundary["repositories"]]
    return "\n".join(lines)
