"""Does this token open anything, and would it open this? The only way in for the doors that take tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from accounts import addresses, second_factors
from accounts.models import User
from common import keys
from common.clock import database_now
from tokens import caveats, macaroons
from tokens.caveats import SHOW, BadCaveat, Caveat, Context, Failure, Project, Release, Success, Verdict
from tokens.models import PURPOSE, ApiToken

REMEMBER_EVERY = timedelta(minutes=1)  # between two notes of a use from one place
UNKNOWN = "deleted or nonexistent macaroon"


class TokenRefused(Exception):
    """The token opens nothing. `reason` is for whoever holds it; nobody else can cause most of them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Opened:
    """A genuine token that works today, its restrictions, and the database's time of the check."""

    row: ApiToken
    caveats: tuple[Caveat, ...]
    now: datetime
    acts_for: User | None = None  # in one project, with a trusted publisher's token: the account may differ there

    @property
    def user(self) -> User:
        return self.acts_for or self.row.user

    @property
    def narrowed(self) -> bool:
        """Whether somebody added restrictions to the text that the row does not have."""
        return bool(set(self.caveats) - {caveats.loads(one) for one in self.row.caveats})

    @property
    def only_reads(self) -> bool:
        """Whether it can do no more than install."""
        return caveats.ReadOnly() in self.caveats

    def context(self, action: str, project: Project | None = None, release: Release | None = None) -> Context:
        """What is being done with the token, for `judge`."""
        return Context(self.row.id, self.row.user.uid, self.now, action, project, release)


def open_token(text: str) -> Opened:
    """Check signature, row, account and every caveat that needs no action to be judged. Raises TokenRefused."""
    token, row = _genuine(text)
    opened = Opened(row, _read([*token.caveats, *row.caveats]), database_now())
    reason = _row_problem(opened)
    if not (reason or row.publishers):  # for whom a publisher's token acts is asked per project
        reason = account_problem(row.user)
    if reason:
        raise TokenRefused(reason)
    if isinstance(verdict := judge(opened, opened.context(SHOW)), Failure):
        raise TokenRefused(verdict.reason)
    return opened


def judge(opened: Opened, context: Context) -> Verdict:
    """Ask every caveat; a Failure joins the reasons of all that forbid."""
    verdicts = [caveat.verify(context) for caveat in opened.caveats]
    reasons = [verdict.reason for verdict in verdicts if isinstance(verdict, Failure)]
    return Failure(", ".join(dict.fromkeys(reasons))) if reasons else Success()


def remember_use(row: ApiToken, network: str) -> None:
    """Note when and from where a token was used, at most once a minute and place."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - REMEMBER_EVERY) | ~Q(last_used_from=network)
    ApiToken.objects.filter(stale, pk=row.pk).update(last_used_at=Now(), last_used_from=network)


def account_problem(user: User) -> str:
    """Why this account may not use tokens now, or ""."""
    if not user.is_active:
        return f"The user '{user.username}' is closed."
    if user.frozen_at is not None:
        return f"The user '{user.username}' is frozen."
    if addresses.primary(user) is None:
        return f"User '{user.username}' does not have a verified primary email address."
    if not second_factors.has_primary_factor(user):
        return f"User '{user.username}' does not have two-factor authentication enabled."
    return ""


def genuine(text: str) -> ApiToken:
    """The row of a token that we made, whether it opens anything or not. Raises TokenRefused."""
    return _genuine(text)[1]


def _genuine(text: str) -> tuple[macaroons.Token, ApiToken]:
    try:
        token = macaroons.loads(settings.TOKEN_PREFIX, text)
        row = _row(token.row_id())
    except macaroons.MalformedToken as error:
        raise TokenRefused(str(error)) from error
    if row.location != token.location or not token.signed_by(_key(row)):
        raise TokenRefused("signatures do not match")
    return token, row


def _row(pk: UUID) -> ApiToken:
    row = ApiToken.objects.select_related("user").filter(pk=pk).first()
    if row is None or not row.sealed_key:
        raise TokenRefused(UNKNOWN)
    return row


def _key(row: ApiToken) -> bytes:
    try:
        return keys.decrypt(PURPOSE, row.sealed_key)
    except keys.BadCiphertext as error:
        raise TokenRefused(UNKNOWN) from error


def _row_problem(opened: Opened) -> str:
    row = opened.row
    if row.revoked_at is not None:
        return "token was revoked"
    if row.held_at is not None:
        return "token is on hold: sign in and keep or revoke it"
    if row.expires_at is not None and row.expires_at <= opened.now:
        return "token is expired"
    return ""


def _read(wire: Sequence[bytes | str]) -> tuple[Caveat, ...]:
    """Read every caveat, the row's own again after those of the token; equal ones once."""
    try:
        return tuple(dict.fromkeys(caveats.loads(one) for one in wire))
    except BadCaveat as error:
        raise TokenRefused(str(error)) from error
