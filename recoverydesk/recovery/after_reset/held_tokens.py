"""Held tokens after a recovery: each is confirmed or revoked; what was never used, or is new, is proposed to go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from audit.log import RequestOrigin
from common.clock import database_now
from recoverydesk.projects import incidents
from tokens import services
from tokens.models import ApiToken

YOUNG = timedelta(days=30)


@dataclass(frozen=True)
class Choice:
    """One held token, and whether we propose to revoke it."""

    token: ApiToken
    revoke: bool

    @property
    def field(self) -> str:
        return f"token-{self.token.pk}"


def choices(user: User) -> list[Choice]:
    """The account's held tokens, oldest first. One query."""
    now = database_now()
    held = ApiToken.objects.filter(user=user, held_at__isnull=False, revoked_at=None).order_by("created_at", "id")
    return [Choice(token, _suspicious(token, now)) for token in held]


def _suspicious(token: ApiToken, now: datetime) -> bool:
    """Never used, or made in the last 30 days before it was held: an intruder's would look like this."""
    held_at = token.held_at or now
    return token.last_used_at is None or token.created_at > held_at - YOUNG


def decide(user: User, form: Mapping[str, str], *, origin: RequestOrigin) -> dict[str, int]:
    """Do what was chosen for each held token; one nobody chose for stays held.

    So does each while an incident touches the account (recoverydesk/projects/incidents.py). `missed` counts the
    tokens to keep that were revoked, or kept, by another page a moment ago, or stay held.
    """
    kept, gone, missed = 0, [], 0
    stays = incidents.touching(user).exists()
    for choice in choices(user):
        wish = form.get(choice.field, "")
        if wish == "keep" and stays:
            missed += 1
        elif wish == "keep":
            try:
                services.confirm(choice.token, actor=user, origin=origin)
                kept += 1
            except services.NotHeld:
                missed += 1
        elif wish == "revoke":
            gone.append(choice.token)
    services.revoke(gone, actor=user, reason="after a recovery", origin=origin)
    return {"kept": kept, "revoked": len(gone), "missed": missed}
