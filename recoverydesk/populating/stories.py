"""What is told of tickets and accounts: the mails and the events."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from audit.tags import Tag
from recoverydesk.populating.registry import World
from recoverydesk.populating.tickets import Ticket

MAIL = (
    "kind", "recipient", "user_id", "reference", "language", "context", "links", "state", "attempts", "dedupe_key",
    "message_id", "queued_at", "sent_at", "settled_at",
)  # fmt: skip
EVENT = (
    "time", "tag", "actor_uid", "actor_name", "subject_uid", "subject_name", "ticket", "project_uid",
    "project_name", "token_id", "data", "commitment",
)  # fmt: skip
ACCOUNT_TAGS = (
    Tag.ACCOUNT_LOGIN_SUCCESS, Tag.ACCOUNT_LOGIN_SUCCESS, Tag.ACCOUNT_LOGIN_FAILURE, Tag.ACCOUNT_STEP_UP,
    Tag.ACCOUNT_API_TOKEN_ADDED, Tag.ACCOUNT_PASSWORD_CHANGE, Tag.ACCOUNT_EMAIL_VERIFIED,
)  # fmt: skip
ENDS = {  # the event, the status before, and who did it
    "completed": (Tag.ACCOUNT_RECOVERY_RESET, "ready", "staff"),
    "rejected": (Tag.ACCOUNT_RECOVERY_REJECT, "challenged", "staff"),
    "stopped": (Tag.ACCOUNT_RECOVERY_STOP, "challenged", "subject"),
    "withdrawn": (Tag.ACCOUNT_RECOVERY_WITHDRAW, "challenged", "subject"),
    "expired": (Tag.ACCOUNT_RECOVERY_EXPIRE, "challenged", "system"),
}


def mails(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """The challenge of every ticket that was answered, and at each stage a notice to every verified address."""
    for ticket in planned:
        if ticket.status == "new":
            continue
        contact, reference = ticket.contact, f"ticket:{ticket.id}"
        yield _mail(world, ticket, "recovery_challenge", contact, f"{reference}:challenge:0", ticket.challenged)
        for to in world.verified[ticket.user]:
            yield _mail(world, ticket, "recovery_notice", to, f"{reference}:recovery_notice:{to}", ticket.challenged)
            if ticket.reset:
                yield _mail(world, ticket, "recovery_reset", to, f"{reference}:recovery_reset:{to}", ticket.reset)


def _mail(world: World, ticket: Ticket, kind: str, to: str, key: str, at: datetime) -> tuple[Any, ...]:
    context = {"number": ticket.id, "username": world.names[ticket.user], "requested": ticket.opened.isoformat()}
    return (
        kind, to, world.first["users"] + ticket.user, f"ticket:{ticket.id}", "en", json.dumps(context), "{}", "sent", 1,
        key, f"<{key}@example.org>", at, at, at,
    )  # fmt: skip


def events(world: World, planned: list[Ticket]) -> Iterator[tuple[Any, ...]]:
    """The story of every ticket, whole; then what accounts do all day, up to the number asked for."""
    written = 0
    for ticket in planned:
        for at, tag, actor, data in _story(ticket):
            written += 1
            yield _event(world, _place(world, ticket, actor), ticket.user, at, tag, ticket.id, data)
    pick = world.chance.random.random
    for _ in range(world.sizes.events - written):
        user = world.chance.scattered(world.sizes.users, 200)
        tag = ACCOUNT_TAGS[int(pick() * len(ACCOUNT_TAGS))]
        yield _event(world, user, user, world.today - timedelta(days=pick() * 730), tag, None, "{}")


def _story(ticket: Ticket) -> Iterator[tuple[datetime, Tag, str, str]]:
    """The events from the opening to where the ticket stands now: each says where it led and what was before."""
    yield ticket.opened, Tag.ACCOUNT_RECOVERY_OPEN, "system", '{"claim": "second_factor", "source": "form"}'
    if ticket.status == "new":
        return
    yield ticket.challenged, Tag.ACCOUNT_RECOVERY_CHALLENGE, "system", _moved("challenged", "new")
    if ticket.proved:
        if ticket.places:
            yield ticket.confirmed, Tag.ACCOUNT_RECOVERY_PROOF, "system", '{"status": "challenged"}'
        yield ticket.confirmed, Tag.ACCOUNT_RECOVERY_ADVANCE, "system", _moved("waiting", "challenged")
    if ticket.status in ("ready", "completed"):
        yield ticket.waited, Tag.ACCOUNT_RECOVERY_WAIT_OVER, "system", _moved("ready", "waiting")
    if ticket.closed:
        tag, was, actor = ENDS[ticket.status]
        yield ticket.closed, tag, actor, _moved(ticket.status, was)


def _moved(status: str, was: str) -> str:
    return f'{{"status": "{status}", "was": "{was}"}}'


def _place(world: World, ticket: Ticket, actor: str) -> int | None:
    """The place among the accounts of who did it; none for the system."""
    return {"staff": ticket.staff, "subject": ticket.user}.get(actor)


def _event(
    world: World, actor: int | None, user: int, at: datetime, tag: Tag, ticket: int | None, data: str
) -> tuple[Any, ...]:
    who = (None, "system") if actor is None else (world.uids[actor], world.names[actor])
    uid, name = world.uids[user], world.names[user]
    return at, tag.value, *who, uid, name, ticket, None, "", None, data, ""
