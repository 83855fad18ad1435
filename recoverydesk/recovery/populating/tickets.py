"""Tickets in every status with their boundaries, looks and mails, and the events of everybody."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audit.tags import Tag
from recoverydesk.recovery.models import OPEN_STATUSES, Status, Turn
from recoverydesk.recovery.populating.registry import Project, World

OPEN_SHARE = 0.04
OPEN = [(0.15, "new"), (0.60, "challenged"), (0.17, "waiting"), (0.08, "ready")]
CLOSED = [(0.62, "completed"), (0.16, "rejected"), (0.04, "stopped"), (0.08, "withdrawn"), (0.10, "expired")]
TURNS = {"new": Turn.OURS, "ready": Turn.OURS, "waiting": Turn.CLOCK, "challenged": Turn.THEIRS}
STAFF = 5
YEARS = 3


@dataclass
class Ticket:
    """What the rows around a ticket need to know of it."""

    id: int
    user: int
    status: str
    opened: datetime
    closed: datetime | None
    places: dict[tuple[str, str], list[dict[str, Any]]]
    proved: bool


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
MAIL = (
    "kind", "recipient", "user_id", "reference", "language", "context", "links", "state", "attempts", "dedupe_key",
    "message_id", "queued_at", "sent_at", "settled_at",
)  # fmt: skip
EVENT = (
    "time", "tag", "actor_uid", "actor_name", "subject_uid", "subject_name", "ticket", "project_uid",
    "project_name", "token_id", "data", "commitment",
)  # fmt: skip


def owned(world: World) -> dict[int, list[Project]]:
    """Each owner's projects."""
    found: dict[int, list[Project]] = {}
    for project in world.projects:
        found.setdefault(project.owner, []).append(project)
    return found


def plan(world: World) -> list[Ticket]:
    """Decide about every ticket: whose, when, how it ended. At most one open ticket per account."""
    of, taken = owned(world), set[int]()
    owners = list(of) or list(range(world.sizes.users))
    planned = []
    for number in range(world.sizes.tickets):
        user = owners[int(world.chance.random.random() * len(owners))]
        open_ = world.chance.random.random() < OPEN_SHARE and user not in taken
        status = world.chance.one_of(OPEN if open_ else CLOSED)
        if open_:
            taken.add(user)
        planned.append(_ticket(world, world.first["tickets"] + number, user, status, of.get(user, [])))
    return planned


def _ticket(world: World, number: int, user: int, status: str, projects: list[Project]) -> Ticket:
    pick = world.chance.random.random
    age = pick() * (60 if status in OPEN_STATUSES else 365 * YEARS) + 2
    opened = world.today - timedelta(days=age)
    closed = None if status in OPEN_STATUSES else min(opened + timedelta(days=pick() * 20 + 1), world.today)
    places: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for project in projects[:20]:
        for url, host, namespace, version, seen in project.places:
            repository = {"url": url, "repository": url.rsplit("/", 1)[1], "project": f"project-{project.id}"}
            repository |= {"label": "Source", "first_release": version, "first_seen": seen.isoformat()}
            repository |= {"last_release": version, "last_seen": seen.isoformat()}
            places.setdefault((host, namespace), []).append(repository)
    proved = status in ("waiting", "ready", "completed")
    return Ticket(number, user, status, opened, closed, dict(list(places.items())[:5]), proved)


def tickets(world: World, planned: list[Ticket], key_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of the tickets. Every third open one lies on somebody's desk; one in ten came with an issue."""
    base, pick = world.first["users"], world.chance.random.random
    for ticket in planned:
        name, done = world.names[ticket.user], ticket.status == "completed"
        staff = base + ticket.id % STAFF
        turn = TURNS.get(ticket.status, Turn.NOBODY)
        since = ticket.closed or ticket.opened + timedelta(hours=6 * pick())
        wait = ticket.opened + timedelta(days=3) if ticket.proved else None
        if ticket.status == "waiting":
            wait = world.today + timedelta(days=1 + pick())
        issue = f"https://github.com/example/support/issues/{ticket.id}" if pick() < 0.1 else ""
        yield (
            ticket.id, base + ticket.user, "second_factor", f"{name}@example.org", "form", issue, ticket.status,
            turn.value, since, 3, ticket.opened, ticket.opened,
            None if ticket.status == "new" else ticket.opened + timedelta(minutes=5),
            ticket.opened + timedelta(hours=5) if ticket.proved else None, wait,
            ticket.closed if done else None, ticket.closed, staff if done else None,
            staff if pick() < 0.33 else None, f"{ticket.id:032x}", key_id, _facts(ticket),
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
        at = ticket.opened + timedelta(hours=5)
        verdict = "found" if ticket.proved else "missing"
        for (host, namespace), repositories in ticket.places.items():
            proof = boundary_id + shift if ticket.proved else None
            proved = at if ticket.proved else None
            yield (
                boundary_id, ticket.id, host, namespace, "asked", json.dumps(repositories), ticket.opened, proved,
                proof, verdict, at, 1,
            )  # fmt: skip
            boundary_id += 1


def probes(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """One look at each boundary."""
    boundary_id, shift = world.first["boundaries"], world.first["probes"] - world.first["boundaries"]
    for ticket in planned:
        for repositories in ticket.places.values():
            url, name = repositories[0]["url"], repositories[0]["repository"]
            verdict = "found" if ticket.proved else "missing"
            at = ticket.opened + timedelta(hours=5)
            yield boundary_id + shift, boundary_id, url, name, verdict, at, 2, "v2"
            boundary_id += 1


def mails(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """The challenge and a notice of every ticket that was answered."""
    for ticket in planned:
        if ticket.status == "new":
            continue
        name, at = world.names[ticket.user], ticket.opened + timedelta(minutes=5)
        to, user = f"{name}@example.org", world.first["users"] + ticket.user
        context = json.dumps({"number": ticket.id, "username": name, "requested": ticket.opened.isoformat()})
        for kind in ("recovery_challenge", "recovery_notice"):
            key = (
                f"ticket:{ticket.id}:challenge:0" if kind == "recovery_challenge" else f"ticket:{ticket.id}:{kind}:{to}"
            )
            yield (
                kind, to, user, f"ticket:{ticket.id}", "en", context, "{}", "sent", 1, key,
                f"<{key}@example.org>", at, at, at,
            )  # fmt: skip


ACCOUNT_TAGS = (
    Tag.ACCOUNT_LOGIN_SUCCESS, Tag.ACCOUNT_LOGIN_SUCCESS, Tag.ACCOUNT_LOGIN_FAILURE, Tag.ACCOUNT_STEP_UP,
    Tag.ACCOUNT_API_TOKEN_ADDED, Tag.ACCOUNT_PASSWORD_CHANGE, Tag.ACCOUNT_EMAIL_VERIFIED,
)  # fmt: skip
ENDS = {
    "completed": Tag.ACCOUNT_RECOVERY_RESET, "rejected": Tag.ACCOUNT_RECOVERY_REJECT,
    "stopped": Tag.ACCOUNT_RECOVERY_STOP, "withdrawn": Tag.ACCOUNT_RECOVERY_WITHDRAW,
    "expired": Tag.ACCOUNT_RECOVERY_EXPIRE,
}  # fmt: skip


def events(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """The story of every ticket, then what accounts do all day, up to the number asked for."""
    left = world.sizes.events
    for ticket in planned:
        for at, tag, data in _story(ticket):
            if left <= 0:
                return
            left -= 1
            yield _event(world, ticket.user, at, tag, ticket.id, data)
    pick = world.chance.random.random
    for _ in range(left):
        user = world.chance.scattered(world.sizes.users, 200)
        tag = ACCOUNT_TAGS[int(pick() * len(ACCOUNT_TAGS))]
        yield _event(world, user, world.today - timedelta(days=pick() * 730), tag, None, "{}")


def _story(ticket: Ticket) -> Iterator[tuple[datetime, Tag, str]]:
    at = ticket.opened
    yield at, Tag.ACCOUNT_RECOVERY_OPEN, '{"claim": "second_factor", "source": "form"}'
    if ticket.status == "new":
        return
    yield at + timedelta(minutes=5), Tag.ACCOUNT_RECOVERY_CHALLENGE, '{"status": "challenged", "was": "new"}'
    if ticket.proved:
        yield at + timedelta(hours=5), Tag.ACCOUNT_RECOVERY_PROOF, '{"status": "challenged"}'
        yield at + timedelta(hours=5), Tag.ACCOUNT_RECOVERY_ADVANCE, '{"status": "waiting", "was": "challenged"}'
    if ticket.status in ("ready", "completed"):
        yield at + timedelta(hours=29), Tag.ACCOUNT_RECOVERY_WAIT_OVER, '{"status": "ready", "was": "waiting"}'
    if ticket.closed:
        yield ticket.closed, ENDS[ticket.status], json.dumps({"status": ticket.status, "was": Status.CHALLENGED.value})


def _event(world: World, user: int, at: datetime, tag: Tag, ticket: int | None, data: str) -> tuple[Any, ...]:
    own = ticket is None
    uid, name = world.uids[user], world.names[user]
    actor = (uid, name) if own else (None, "system")
    return at, tag.value, *actor, uid, name, ticket, None, "", None, data, ""
