"""The verbs of API tokens: make, revoke, hold, confirm."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import addresses, notices, second_factors
from accounts.models import User
from accounts.services import locked
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common import keys
from common.clock import database_now
from tokens import caveats, hooks, letters, macaroons
from tokens.models import PURPOSE, ApiToken

MOST_TOKENS = 200
REVOKED_UNCONFIRMED = timedelta(days=7)  # design rule 8


class TokenError(Exception):
    """A verb of tokens was refused; nothing changed. `message` says why."""

    message = _("This cannot be done with this token.")

    def __str__(self) -> str:
        return str(self.message)


class TokenNeedsVerifiedAddress(TokenError):
    message = _("Verify your primary e-mail address first.")


class SecondFactorMissing(TokenError):
    message = _("Add a second factor first.")


class LifetimeNotAllowed(TokenError):
    message = _("A token cannot last that long.")


class TooManyTokens(TokenError):
    message = _("You have too many tokens. Revoke some first.")


class NotHeld(TokenError):
    message = _("This token is not suspended.")


class AccountClosed(TokenError):
    message = _("This account is frozen or closed.")


@dataclass(frozen=True)
class Minted:
    """A new token: its row, and the text that exists nowhere else."""

    row: ApiToken
    text: str


@transaction.atomic
def mint(
    user: User,
    *,
    name: str,
    project: caveats.Project | None = None,
    lifetime: timedelta | None,
    only_newer: bool = False,
    origin: RequestOrigin | None = None,
) -> Minted:
    """Make a token for everything of `user`'s, or for one project; `lifetime` None means no end.

    The caller has asked for a recent second factor. Everybody who hears of changes is told; in quarantine so are the
    co-owners (design rule 9). Raises AccountClosed, TokenNeedsVerifiedAddress, SecondFactorMissing,
    LifetimeNotAllowed or TooManyTokens.
    """
    account = locked(user)
    _refuse(account, lifetime)
    now = database_now()
    key = secrets.token_bytes(macaroons.KEY_BYTES)
    row = ApiToken(
        user=account,
        name=name,
        created_at=now,
        expires_at=now + lifetime if lifetime else None,
        location=settings.HOST,
        sealed_key=keys.encrypt(PURPOSE, key),
        project_uid=project.uid if project else None,
        project_name=project.name if project else "",
    )
    row.caveats = [caveats.dumps(one) for one in _caveats(row, only_newer)]
    row.save(force_insert=True)
    _tell_of_new(row, in_quarantine=account.in_quarantine(now), origin=origin)
    text = macaroons.dumps(settings.TOKEN_PREFIX, row.location, macaroons.identifier(row.id), key, row.caveats)
    return Minted(row, text)


def _refuse(user: User, lifetime: timedelta | None) -> None:
    if not user.may_sign_in:
        raise AccountClosed
    if addresses.primary(user) is None:
        raise TokenNeedsVerifiedAddress
    if not second_factors.has_primary_factor(user):
        raise SecondFactorMissing
    longest = timedelta(days=settings.TOKEN_MAX_DAYS)
    if not settings.TOKEN_WITHOUT_EXPIRY if lifetime is None else not timedelta(0) < lifetime <= longest:
        raise LifetimeNotAllowed
    if ApiToken.objects.usable_by(user.pk).count() >= MOST_TOKENS:
        raise TooManyTokens


def _caveats(row: ApiToken, only_newer: bool) -> list[caveats.Caveat]:
    """Return the caveats a row is made with, in PyPI's order: whom or what it is for, then until when."""
    found: list[caveats.Caveat]
    if row.project_uid:
        found = [caveats.ProjectName((row.project_name,)), caveats.ProjectID((str(row.project_uid),))]
    else:
        found = [caveats.RequestUser(str(row.user.uid))]
    if row.expires_at:
        found.append(caveats.Expiration(int(row.expires_at.timestamp()), int(row.created_at.timestamp())))
    return [*found, caveats.NewerVersions()] if only_newer else found


def _tell_of_new(row: ApiToken, *, in_quarantine: bool, origin: RequestOrigin | None) -> None:
    notices.changed(
        Tag.ACCOUNT_API_TOKEN_ADDED,
        row.user,
        actor=row.user,
        origin=origin,
        token=row.id,
        name=row.name,
        scope=row.scope,
        caveats=row.caveats,
    )
    if in_quarantine:
        letters.tell_co_owners(row, hooks.co_owners(row.user))


@transaction.atomic
def revoke(
    tokens: Iterable[ApiToken], *, actor: Party | str, reason: str = "", origin: RequestOrigin | None = None
) -> list[ApiToken]:
    """Revoke tokens for good and return those that were not revoked yet. Each is an event.

    Where the actor is not the user, the user is mailed.
    """
    ids = [token.pk for token in tokens]
    found = ApiToken.objects.select_for_update(of=("self",)).select_related("user")
    rows, now = list(found.filter(pk__in=ids, revoked_at=None)), database_now()
    for row in rows:
        row.revoked_at, user = now, row.user
        row.save(update_fields=["revoked_at"])
        record(
            Tag.ACCOUNT_API_TOKEN_REMOVED,
            actor=actor,
            subject=user,
            origin=origin,
            token=row.id,
            name=row.name,
            reason=reason,
        )
        if isinstance(actor, str) or actor.uid != user.uid:
            letters.tell_of_end(user, [row], letters.REVOKED)
    return rows


@transaction.atomic
def confirm(token: ApiToken, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """Let a held token of one's own work again. Raises NotHeld, also for one that was revoked meanwhile."""
    waiting = ApiToken.objects.filter(pk=token.pk, user_id=actor.pk, held_at__isnull=False, revoked_at=None)
    if not waiting.update(held_at=None):
        raise NotHeld
    notices.changed(Tag.ACCOUNT_API_TOKEN_CONFIRMED, actor, actor=actor, origin=origin, token=token.id, name=token.name)


@transaction.atomic
def hold_all(
    user: User, *, actor: Party | str, reason: str, ticket: int | None = None, origin: RequestOrigin | None = None
) -> int:
    """Suspend every token of `user` that is not suspended or revoked yet (design rule 8); return how many.

    Expired tokens are held too, so that nothing wakes up when an end date moves. One event lists the ids; where
    there was nothing to hold there is none. The user is mailed, but by a ticket's own notice where there is a ticket.
    Three queries, the event and the mails.
    """
    now = database_now()
    count = ApiToken.objects.holdable().filter(user=user).update(held_at=now)
    if count:
        held = list(ApiToken.objects.filter(user=user, held_at=now).order_by("created_at", "id"))
        record(
            Tag.ACCOUNT_API_TOKEN_HELD,
            actor=actor,
            subject=user,
            ticket=ticket,
            origin=origin,
            reason=reason,
            count=count,
            tokens=[str(token.id) for token in held],
        )
        if ticket is None:
            letters.tell_of_end(user, held, letters.HELD)
    return count
