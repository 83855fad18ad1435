"""How much a code host is asked at most: set per host by admins or at the shell, with a reason (ADR 0109)."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery.code_hosts import described, learned
from recoverydesk.recovery.errors import NotAllowed, RecoveryError
from recoverydesk.recovery.models import CodeHost
from recoverydesk.recovery.permissions import RESET, SYSTEM, Actor, Who
from recoverydesk.recovery.probing.patience import DAYS, SECONDS, next_day
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.repository_urls import url_text


class BadLimit(RecoveryError):
    sentence = _(
        "A host may be asked 1 to 1,000,000 times a day and 0.01 to 20 times a second. To ask nothing, pause it."
    )


@transaction.atomic
def limit(host: str, *, a_day: int | None, a_second: float | None, reason: str, actor: Actor = SYSTEM) -> CodeHost:
    """Set how much a host (its key or origin) is asked; None is what is usual for it. An event and a mail to admins.

    Looks that waited for the end of the day are due now, where the day has room again. Setting what is set already
    writes nothing. Raises NotAllowed, ReasonTooShort, BadLimit, BadOrigin, UnknownCodeHost.
    """
    if not may_limit(actor):
        raise NotAllowed
    text = check_reason(reason)
    if not (_within(a_day, DAYS) and _within(a_second, SECONDS)):
        raise BadLimit
    row = _row(host)
    was = {"a_day": row.looks_a_day, "a_second": row.looks_a_second}
    if (row.looks_a_day, row.looks_a_second) != (a_day, a_second):
        row.looks_a_day, row.looks_a_second = a_day, a_second
        row.save(update_fields=["looks_a_day", "looks_a_second"])
        described.tell_admins(Tag.CODEHOST_LIMIT, row, actor, a_day=a_day, a_second=a_second, was=was, reason=text)
        _due_again(row)
    return row


def may_limit(actor: Actor) -> bool:
    """Whoever may reset may also say how hard other people's machines are asked; and the shell."""
    return RESET in actor.rights or Who.SYSTEM in actor.parts


def _within(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is None or bounds[0] <= value <= bounds[1]


def _row(host: str) -> CodeHost:
    """The host's row, locked; a public one that was never asked gets one, which describes nothing."""
    found = described.find_host(host)
    if found is not None:
        return found
    try:
        key, scheme, port = url_text.host_key(host if "://" in host else f"https://{host}")
    except url_text.UrlRefused as error:
        raise described.BadOrigin(str(error)) from error
    if (scheme, port) != ("https", 443) or url_text.is_bare(key):
        raise described.UnknownCodeHost(host)
    return CodeHost.objects.create(host=key, origin=f"https://{key}", described=False)


def _due_again(row: CodeHost) -> None:
    now = database_now()
    if learned.knowledge(row).rests_until(now) is None:
        learned.boundaries_at(row.host).filter(next_probe_at=next_day(now)).update(next_probe_at=Now())
