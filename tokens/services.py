"""The verbs of API tokens: make, revoke, hold, confirm."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import addresses, decisions, notices, second_factors
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

    message = _("You cannot do this with this token now: it was revoked, has expired or is on hold.")

    def __str__(self) -> str:
        return str(self.message)


class TokenNeedsVerifiedAddress(TokenError):
    message = _("Verify your primary e-mail address first.")


class SecondFactorMissing(TokenError):
    message = _("Add a second factor first.")


class LifetimeNotAllowed(TokenError):
    message = _("A token cannot last that long.")


class TooLongForProject(TokenError):
    """A project that this token would open wants it to end sooner."""

    def __init__(self, terms: hooks.Terms) -> None:
        days = terms.days or 0
        if terms.project is None:
            words = ngettext("A token can last %(days)s day at most.", "A token can last %(days)s days at most.", days)
        else:
            words = ngettext(
                "For %(project)s a token can last %(days)s day at most.",
                "For %(project)s a token can last %(days)s days at most.",
                days,
            )
        self.sentence = words % {"days": days, "project": terms.project.name if terms.project else ""}

    def __str__(self) -> str:
        return self.sentence


class TooManyTokens(TokenError):
    message = _("You have too many tokens. Revoke some first.")


class NameTaken(TokenError):
    message = _("You have a token of this name already. Choose another name, or revoke that token first.")


class NotHeld(TokenError):
    message = _("This token is not on hold.")


class AccountClosed(TokenError):
    message = _("This account is frozen or deactivated.")


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
    only_read: bool = False,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> Minted:
    """Make a token for everything of `user`'s, or for one project; `lifetime` None means no end.

    The caller has asked for a recent second factor; a project can want one for this very token. Everybody who hears of
    changes is told; in quarantine so are the co-owners (design rule 9). Raises AccountClosed,
    TokenNeedsVerifiedAddress, SecondFactorMissing, LifetimeNotAllowed, TooLongForProject, TooManyTokens,
    NameTaken, or decisions.ConfirmationNeeded.
    """
    account = locked(user)
    _refuse(account, lifetime)
    if ApiToken.objects.usable_by(account.pk).filter(name__iexact=name).exists():
        raise NameTaken
    _ask_terms(account, name, project, lifetime, confirmed)
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
    row.caveats = [caveats.dumps(one) for one in _caveats(row, only_newer=only_newer, only_read=only_read)]
    row.save(force_insert=True)
    _tell_of_new(row, in_quarantine=account.in_quarantine(now), origin=origin)
    text = macaroons.dumps(settings.TOKEN_PREFIX, row.location, macaroons.identifier(row.id), key, row.caveats)
    return Minted(row, text)


@transaction.atomic
def mint_for_publishers(
    user: User, publishers: Sequence[UUID], projects: Sequence[caveats.Project], *, name: str, lifetime: timedelta
) -> Minted:
    """Make a token that acts for `user` in these projects, for trusted publishers. Writes no event and mails nobody.

    A project without an id is not there yet: then names narrow the token, else the ids alone, so that it stays short.
    The caller holds the user's lock and has judged the account.
    """
    now, key = database_now(), secrets.token_bytes(macaroons.KEY_BYTES)
    row = ApiToken(
        user=user,
        name=name[:100],
        created_at=now,
        expires_at=now + lifetime,
        location=settings.HOST,
        sealed_key=keys.encrypt(PURPOSE, key),
        publishers=[str(one) for one in publishers],
    )
    where: caveats.Caveat = caveats.ProjectName(tuple(one.name for one in projects))
    if all(one.uid for one in projects):
        where = caveats.ProjectID(tuple(str(one.uid) for one in projects))
    until = caveats.Expiration(int((now + lifetime).timestamp()), int(now.timestamp()))
    row.caveats = [caveats.dumps(one) for one in (where, until)]
    row.save(force_insert=True)
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


def _ask_terms(
    user: User, name: str, project: caveats.Project | None, lifetime: timedelta | None,
    confirmed: decisions.Confirmation | None,
) -> None:  # fmt: skip
    """What the projects want that this token would open."""
    terms = [one for one in hooks.terms(user) if _opens(project, one)]
    shortest = min((one for one in terms if one.days), key=lambda one: one.days or 0, default=None)
    if shortest and shortest.days and (lifetime is None or lifetime > timedelta(days=shortest.days)):
        raise TooLongForProject(shortest)
    if any(one.own_factor for one in terms):
        scope = project.name if project else gettext("all of your projects")
        words = gettext("Make the token “%(name)s” for %(scope)s.") % {"name": name, "scope": scope}
        decisions.check_confirmation(confirmed, making(user, name, project, lifetime), user, [words])


def _opens(project: caveats.Project | None, terms: hooks.Terms) -> bool:
    """Whether a token for this project, or for the whole account, is asked to keep these terms."""
    if project is None or terms.project is None:
        return terms.whole_account
    return terms.project.uid == project.uid


def making(user: User, name: str, project: caveats.Project | None, lifetime: timedelta | None) -> decisions.Decision:
    """The decision to make this very token."""
    scope = str(project.uid) if project else "account"
    days = str(lifetime.days) if lifetime else "no end"
    return decisions.Decision("mint", f"account:{user.uid}", f"{scope}, {days}: {name}", staff=False)


def _caveats(row: ApiToken, *, only_newer: bool, only_read: bool) -> list[caveats.Caveat]:
    """Return the caveats a row is made with, in PyPI's order: whom or what it is for, then until when."""
    found: list[caveats.Caveat]
    if row.project_uid:
        found = [caveats.ProjectName((row.project_name,)), caveats.ProjectID((str(row.project_uid),))]
    else:
        found = [caveats.RequestUser(str(row.user.uid))]
    if row.expires_at:
        found.append(caveats.Expiration(int(row.expires_at.timestamp()), int(row.created_at.timestamp())))
    if only_newer:
        found.append(caveats.NewerVersions())
    return [*found, caveats.ReadOnly()] if only_read else found


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
def end_leaked(token: ApiToken, *, by: str, url: str) -> bool:
    """Revoke a token that `by` found in public at `url`, and mail its user; False where it was revoked before."""
    found = ApiToken.objects.select_for_update(of=("self",)).select_related("user")
    row = found.filter(pk=token.pk, revoked_at=None).first()
    if row is None:
        return False
    row.revoked_at = database_now()
    row.save(update_fields=["revoked_at"])
    record(Tag.ACCOUNT_API_TOKEN_REMOVED_LEAK, actor=by, subject=row.user, token=row.id, name=row.name, url=url)
    letters.tell_of_leak(row)
    return True


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
