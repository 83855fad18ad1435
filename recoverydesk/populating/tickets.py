"""Tickets in every status with their boundaries and looks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from recoverydesk.populating.registry import Project, World
from recoverydesk.recovery.models import OPEN_STATUSES, Turn

OPEN_SHARE = 0.04
OPEN = [(0.15, "new"), (0.60, "challenged"), (0.17, "waiting"), (0.08, "ready")]
CLOSED = [(0.62, "completed"), (0.16, "rejected"), (0.04, "stopped"), (0.08, "withdrawn"), (0.10, "expired")]
TURNS = {"new": Turn.OURS, "ready": Turn.OURS, "waiting": Turn.CLOCK, "challenged": Turn.THEIRS}
YEARS = 3


@dataclass
class Ticket:
    """What the rows around a ticket need to know of it: `user` and `staff` are places among the accounts."""

    id: int
    user: int
    staff: int
    contact: str
    status: str
    opened: datetime
    closed: datetime | None
    places: dict[tuple[str, str], list[dict[str, Any]]]

    @property
    def proved(self) -> bool:
        return self.status in ("waiting", "ready", "completed")

    @property
    def challenged(self) -> datetime:
        return self.opened + timedelta(minutes=5)

    @property
    def confirmed(self) -> datetime:
        """When the branches were seen and with them the mailbox confirmed."""
        return self.opened + timedelta(hours=5)

    @property
    def waited(self) -> datetime:
        """The end of the objection window."""
        return self.opened + timedelta(hours=25)

    @property
    def reset(self) -> datetime | None:
        return self.closed if self.status == "completed" else None


TICKET = (
    "id", "subject_id", "claim", "contact", "source", "issue_url", "status", "turn", "turn_since", "version",
    "requested_at", "opened_at", "challenged_at", "mailbox_confirmed_at", "wait_until", "completed_at", "closed_at",
    "reset_by_id", "assigned_to_id", "nonce", "key_id", "facts",
)  # fmt: skip
BOUNDARY = (
    "id", "ticket_id", "host", "namespace", "kind", "repositories", "added_at", "proved_at", "proof_id",
    "last_verdict", "last_probed_at", "attempts",
)  # fmt: skip
PROBE = ("id", "boundary_id", "url", "repository", "verdict", "probed_at", "requests", "protocol")


def owned(world: World) -> dict[int, list[Project]]:
    """Each owner's projects."""
    found: dict[int, list[Project]] = {}
    for project in world.projects:
        found.setdefault(project.owner, []).append(project)
    return found


def plan(world: World) -> list[Ticket]:
    """Decide about every ticket: whose, when, how it ended. At most one open ticket per account."""
    of, taken = owned(world), set[int]()
    users = [user for user in of or range(world.staff, world.sizes.users) if _can_ask(world, user)]
    users = users or [world.sizes.users - 1]
    planned = []
    for number in range(world.sizes.tickets):
        user = users[int(world.chance.random.random() * len(users))]
        open_ = world.chance.random.random() < OPEN_SHARE and user not in taken
        status = world.chance.one_of(OPEN if open_ else CLOSED)
        if open_:
            taken.add(user)
        planned.append(_ticket(world, world.first["tickets"] + number, user, status, of.get(user, [])))
    return planned


def _can_ask(world: World, user: int) -> bool:
    """A lost second factor is answered to the verified primary address."""
    return _address(world, user) in world.verified[user]


def _address(world: World, user: int) -> str:
    return f"{world.names[user]}@example.org"


def resets(planned: list[Ticket]) -> dict[int, datetime]:
    """When each account was last reset."""
    found: dict[int, datetime] = {}
    for ticket in planned:
        if ticket.reset:
            found[ticket.user] = max(ticket.reset, found.get(ticket.user, ticket.reset))
    return found


def _ticket(world: World, number: int, user: int, status: str, projects: list[Project]) -> Ticket:
    pick = world.chance.random.random
    age = pick() * (60 if status in OPEN_STATUSES else 365 * YEARS) + 2
    opened = world.today - timedelta(days=age)
    closed = None if status in OPEN_STATUSES else min(opened + timedelta(days=pick() * 20 + 2), world.today)
    places: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for project in projects[:20]:
        for url, host, namespace, version, seen in project.places:
            repository = {"url": url, "repository": url.rsplit("/", 1)[1], "project": f"project-{project.id}"}
            repository |= {"label": "Source", "first_release": version, "first_seen": seen.isoformat()}
            repository |= {"last_release": version, "last_seen": seen.isoformat()}
            places.setdefault((host, namespace), []).append(repository)
    first = dict(list(places.items())[:5])
    return Ticket(number, user, number % world.staff, _address(world, user), status, opened, closed, first)


def tickets(world: World, planned: list[Ticket], key_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of the tickets. Every third open one lies on somebody's desk; one in ten came with an issue."""
    base, pick = world.first["users"], world.chance.random.random
    for ticket in planned:
        turn = TURNS.get(ticket.status, Turn.NOBODY)
        since = ticket.closed or ticket.opened + timedelta(hours=6 * pick())
        wait = ticket.waited if ticket.proved else None
        if ticket.status == "waiting":
            wait = world.today + timedelta(days=1 + pick())
        issue = f"https://github.com/example/support/issues/{ticket.id}" if pick() < 0.1 else ""
        yield (
            ticket.id, base + ticket.user, "second_factor", ticket.contact, "form", issue, ticket.status,
            turn.value, since, 3, ticket.opened, ticket.opened,
            None if ticket.status == "new" else ticket.challenged,
            ticket.confirmed if ticket.proved else None, wait,
            ticket.reset, ticket.closed, base + ticket.staff if ticket.reset else None,
            base + ticket.staff if pick() < 0.33 else None, f"{ticket.id:032x}", key_id, _facts(ticket),
        )  # fmt: skip


def _facts(ticket: Ticket) -> str:
    seen = {
        "taken_at": ticket.opened.isoformat(), "totp": 1, "webauthn": 0, "codes_left": 0,
        "oldest_factor": "2024-01-01T00:00:00+00:00", "youngest_factor": "2024-01-01T00:00:00+00:00",
        "contact_is_primary": True, "active": True, "frozen": False, "quarantined": False, "staff": False,
        "last_sign_in": None, "joined": "2020-01-01T00:00:00+00:00", "projects": len(ticket.places), "critical": False,
    }  # fmt: skip
    return json.dumps(seen)


def boundaries(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """One row per owner that a ticket asks for, proved where the ticket got that far."""
    boundary_id, shift = world.first["boundaries"], world.first["probes"] - world.first["boundaries"]
    for ticket in planned:
        at = ticket.confirmed
        verdict = "found" if ticket.proved else "missing"
        for (host, namespace), repositories in ticket.places.items():
            proof = boundary_id + shift if ticket.proved else None
            proved = at if ticket.proved else None
            yield (
                boundary_id, ticket.id, host, namespace, "asked", json.dumps(repositories), ticket.opened,
                proved, proof, verdict, at, 1,
            )  # fmt: skip
            boundary_id += 1


def probes(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """One look at each boundary."""
    boundary_id, shift = world.first["boundaries"], world.first["probes"] - world.first["boundaries"]
    for ticket in planned:
        for repositories in ticket.places.values():
            url, name = repositories[0]["url"], repositories[0]["repository"]
            verdict = "found" if ticket.proved else "missing"
            at = ticket.confirmed
            yield boundary_id + shift, boundary_id, url, name, verdict, at, 2, "v2"
            boundary_id += 1
