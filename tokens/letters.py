"""Mails about tokens. They name a token by the name its owner gave it, and never hold one."""

from collections.abc import Iterable, Mapping, Sequence

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from tokens.models import ApiToken

HELD, REVOKED, IN_QUARANTINE, LEAKED = "token_held", "token_revoked", "token_in_quarantine", "token_leaked"
NAMES_IN_MAIL = 20


def tell_of_end(user: User, tokens: Sequence[ApiToken], kind: str) -> None:
    """Queue the mail that somebody else suspended or revoked these tokens (`kind`), once per address."""
    names = [token.name for token in tokens[:NAMES_IN_MAIL]]
    context = {"username": user.username, "names": names, "more": len(tokens) - len(names)}
    first = tokens[0]
    for number, recipient in enumerate(addresses.notice_addresses(user)):
        _queue(kind, recipient, user, first, context, f"{_moment(first, kind)}:{number}")


def tell_of_leak(token: ApiToken) -> None:
    """Queue the mail that a token lay in public and is revoked, five a day to each address."""
    user = token.user
    context = {"username": user.username, "name": token.name, "id": str(token.id)}
    for recipient in addresses.notice_addresses(user):
        outbox.queue_limited(
            LEAKED, recipient, user=user, reference=f"token:{token.id}", context=context,
            dedupe=f"{LEAKED}:{token.id}:{recipient}", cause=f"{LEAKED}:{user.uid}", language=user.language,
        )  # fmt: skip


def tell_of_expiry(token: ApiToken, days: int) -> None:
    """Queue the mail that a token ends in `days` days; a second call for the same token and days queues nothing."""
    context = {
        "username": token.user.username,
        "name": token.name,
        "days": days,
        "when": f"{token.expires_at:%Y-%m-%d %H:%M UTC}",
    }
    for number, recipient in enumerate(addresses.verified(token.user)):
        _queue("token_expires", recipient, token.user, token, context, f"{days}:{number}")


def tell_co_owners(token: ApiToken, owners: Iterable[User]) -> None:
    """Queue the mail that an account in quarantine made a token (design rule 9), five a day to each of them."""
    for owner in owners:
        recipient = addresses.primary(owner)
        if recipient:
            context = {"username": token.user.username, "owner": owner.username}
            outbox.queue_limited(
                IN_QUARANTINE, recipient, user=owner, reference=f"token:{token.id}", context=context,
                dedupe=f"{IN_QUARANTINE}:{token.id}:{owner.pk}", cause=f"{IN_QUARANTINE}:{token.user.uid}",
                language=owner.language,
            )  # fmt: skip


def _moment(token: ApiToken, kind: str) -> str:
    time = token.held_at if kind == HELD else token.revoked_at
    return time.isoformat() if time else ""


def _queue(kind: str, recipient: str, user: User, token: ApiToken, context: Mapping[str, object], which: str) -> None:
    outbox.queue(
        kind, recipient, user=user, reference=f"token:{token.id}", context=context,
        dedupe=f"{kind}:{token.id}:{which}", language=user.language,
    )  # fmt: skip
