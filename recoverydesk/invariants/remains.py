"""What a reset must have ended (second factors, sessions, tokens and links older than it) and what it lets rest."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from accounts.devices import RecoveryCodeDevice, TotpDevice, webauthn_credentials
from accounts.mail.models import Link
from accounts.models import Session
from audit.models import Event
from audit.tags import Tag
from common.numbers import whole_number
from recoverydesk.invariants.broken import Broken
from recoverydesk.projects.models import Role
from recoverydesk.publishers.models import Publisher
from recoverydesk.recovery.models import OPEN_STATUSES, Claim, RecoveryTicket, Status
from recoverydesk.recovery.policy import FACTORS
from tokens.models import ApiToken

TAKES_FACTORS = tuple(FACTORS)
TAKES_PASSWORD = (*TAKES_FACTORS, Claim.EMAIL)


def _older(rows: QuerySet[Any], field: str, claims: tuple[str, ...]) -> Iterator[tuple[Any, int]]:
    """Rows of a user from before the user's newest reset of such a claim, with that ticket's number."""
    resets = RecoveryTicket.objects.filter(status=Status.COMPLETED, claim__in=claims, subject=OuterRef("user"))
    newest = resets.order_by("-completed_at")
    found = rows.annotate(reset_at=Subquery(newest.values("completed_at")[:1]), by=Subquery(newest.values("pk")[:1]))
    for row in found.filter(**{f"{field}__lt": F("reset_at")}):
        yield row, row.by


def factor_older_than_reset() -> Iterator[Broken]:
    """A reset removes every device and every code."""
    for devices in (TotpDevice.objects.all(), RecoveryCodeDevice.objects.all(), webauthn_credentials().all()):
        for device, ticket in _older(devices, "created_at", TAKES_FACTORS):
            row = f"{device._meta.model_name}:{device.pk}"
            yield Broken("factor_older_than_reset", row, f"is older than the reset of #{ticket}")


def session_older_than_reset() -> Iterator[Broken]:
    """A reset ends every session."""
    for session, ticket in _older(Session.objects.filter(user__isnull=False), "signed_in_at", TAKES_PASSWORD):
        yield Broken("session_older_than_reset", f"session:{session.uid}", f"is older than the reset of #{ticket}")


def token_older_than_reset() -> Iterator[Broken]:
    """A reset holds every API token; only its owner's confirmation, later, lets one work again."""
    for token, ticket in _older(ApiToken.objects.holdable(), "created_at", TAKES_PASSWORD):
        confirmed = Event.objects.filter(token_id=token.pk, tag=Tag.ACCOUNT_API_TOKEN_CONFIRMED)
        if not confirmed.filter(time__gte=token.reset_at).exists():
            yield Broken("token_older_than_reset", f"apitoken:{token.pk}", f"works after the reset of #{ticket}")


def publisher_older_than_reset() -> Iterator[Broken]:
    """A reset holds every trusted publisher that acts for the account; only a yes, later, lets one act again."""
    acting = Publisher.objects.filter(held_at=None).annotate(user=F("added_by"))
    for row, ticket in _older(acting, "created_at", TAKES_PASSWORD):
        kept = Event.objects.filter(tag=Tag.PROJECT_PUBLISHER_KEEP, data__id=str(row.pk), time__gte=row.reset_at)
        if not kept.exists():
            yield Broken("publisher_older_than_reset", f"publisher:{row.pk}", f"acts after the reset of #{ticket}")


def rest_without_reset() -> Iterator[Broken]:
    """A role rests for a ticket of its own account that was reset, and was accepted by then."""
    resets = RecoveryTicket.objects.filter(
        pk=OuterRef("held_for"), subject=OuterRef("user"), completed_at__gte=OuterRef("accepted_at")
    )
    rests = Role.objects.filter(Q(held_at__isnull=False) | Q(held_for__isnull=False))
    for role in rests.filter(Q(held_at=None) | ~Exists(resets)):
        yield Broken("rest_without_reset", f"role:{role.pk}", f"rests for #{role.held_for} since {role.held_at}")


def link_of_the_closed() -> Iterator[Broken]:
    """The claimant's links die with their ticket; at most one choose-password link of a ticket lives."""
    alive = Link.objects.filter(used_at=None, dead_at=None)
    for link in alive.filter(purpose__in=("status", "confirm_contact")).iterator():
        ticket = RecoveryTicket.objects.filter(pk=_number(link)).first()
        if ticket is not None and ticket.status not in OPEN_STATUSES:
            yield Broken("link_of_the_closed", f"link:{link.pk}", f"a {link.purpose} link of closed #{ticket.pk} lives")
    newer = Link.objects.filter(reference=OuterRef("reference"), purpose="choose_password", pk__gt=OuterRef("pk"))
    passwords = alive.filter(purpose="choose_password").annotate(newer=Subquery(newer.values("pk")[:1]))
    for link in passwords.filter(Q(newer__isnull=False)):
        yield Broken("link_of_the_closed", f"link:{link.pk}", f"lives beside link {link.newer}")


def _number(link: Link) -> int:
    return whole_number(link.reference.removeprefix("ticket:")) or 0
