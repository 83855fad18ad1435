"""They say / we see: what the claim says beside what the account shows, taken when a ticket opens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import addresses, second_factors
from accounts.models import User
from recoverydesk.projects import people
from recoverydesk.recovery import policy_terms
from recoverydesk.recovery.evidence import ages


@dataclass(frozen=True)
class Fact:
    """One line of the comparison. `match` is None where there is nothing to compare."""

    name: str
    says: str
    sees: str
    match: bool | None


NAMES = {
    "lost": gettext_lazy("Lost"),
    "codes": gettext_lazy("Recovery codes"),
    "contact": gettext_lazy("Address"),
    "account": gettext_lazy("Account"),
    "age": gettext_lazy("Factors"),
    "projects": gettext_lazy("Projects"),
}


Known = tuple[str | None, people.Standing]  # the verified primary address and the standing in projects


def snapshot(
    subject: User, *, contact: str, now: datetime, requested_at: datetime | None = None, known: Known | None = None
) -> dict[str, Any]:
    """Read what the account shows now, as plain JSON. Six queries, four where `known` is; `now` is the database's."""
    primary, standing = known or (addresses.primary(subject), people.standing(subject))
    factors = second_factors.summary(subject)
    return {
        "taken_at": now.isoformat(),
        "totp": factors.totp,
        "webauthn": factors.webauthn,
        "codes_left": factors.codes_left,
        "oldest_factor": factors.oldest.isoformat() if factors.oldest else None,
        "youngest_factor": factors.youngest.isoformat() if factors.youngest else None,
        "contact_is_primary": contact == primary,
        "contact_young": ages.mailbox_is_young(subject, contact, requested_at or now),
        "verified": 1 if primary else EmailAddress.objects.filter(user=subject, verified=True).count(),
        "active": subject.is_active,
        "frozen": subject.frozen_at is not None,
        "quarantined": subject.quarantined_at is not None,
        "staff": subject.is_staff or subject.is_superuser,
        "last_sign_in": subject.last_login.isoformat() if subject.last_login else None,
        "joined": subject.date_joined.isoformat(),
        "projects": standing.projects,
        "critical": standing.critical,
    }


def matches(claim: str, facts: dict[str, Any]) -> bool:
    """Whether the claim can be true of this account, so that the desk may challenge by itself."""
    if not facts["active"] or facts["frozen"] or facts["staff"]:
        return False
    factors = facts["totp"] + facts["webauthn"] > 0
    had_one = facts["verified"] > 0 or not facts["projects"]  # without a project nothing is given: say so at once
    by_claim: dict[str, bool] = {
        "second_factor": factors and facts["contact_is_primary"],
        "email": had_one,
        "email_and_second_factor": had_one and factors,
        "unverified_email": facts["verified"] == 0,
        "unverified_and_factor": facts["verified"] == 0 and factors,
    }
    return by_claim[claim]


LOST = {
    "second_factor": gettext_lazy("second factor"),
    "email": gettext_lazy("address"),
    "email_and_second_factor": gettext_lazy("address and second factor"),
    "unverified_email": gettext_lazy("access to an address never verified"),
    "unverified_and_factor": gettext_lazy("access to an address never verified, and second factor"),
}


def table(*, claim: str, says_codes_lost: bool, contact: str, facts: dict[str, Any]) -> list[Fact]:
    """The comparison in words, for the ticket page and the shell."""
    factors = facts["totp"] + facts["webauthn"]
    account = _("frozen") if facts["frozen"] else _("active") if facts["active"] else _("deactivated")
    fits = factors > 0 if claim in policy_terms.FACTORS else None
    return [
        Fact("lost", str(LOST[claim]), _factors_seen(facts), fits),
        Fact("codes", _codes_said(says_codes_lost), _codes_seen(facts), None if says_codes_lost else False),
        Fact("contact", contact, _contact_seen(facts), _contact_fits(claim, facts)),
        Fact("account", "–", account, facts["active"] and not facts["frozen"]),
        Fact("age", "–", _age_seen(facts), None),
        Fact("projects", "–", str(facts["projects"] or _("none")), None),
    ]


def _factors_seen(facts: dict[str, Any]) -> str:
    apps, keys = facts["totp"], facts["webauthn"]
    found = (
        (apps, ngettext("%d authenticator app", "%d authenticator apps", apps)),
        (keys, ngettext("%d security key", "%d security keys", keys)),
    )
    return ", ".join(words % number for number, words in found if number) or _("none")


def _codes_said(lost: bool) -> str:
    return _("lost or never saved") if lost else _("still has some")


def _codes_seen(facts: dict[str, Any]) -> str:
    return _("%(codes_left)d unused") % facts if facts["codes_left"] else _("none")


def _contact_fits(claim: str, facts: dict[str, Any]) -> bool | None:
    """A second factor is answered to the primary address alone; a new contact is compared with nothing."""
    return facts["contact_is_primary"] if claim == "second_factor" else None


def _contact_seen(facts: dict[str, Any]) -> str:
    return _("primary, verified") if facts["contact_is_primary"] else _("not the verified primary address")


def _age_seen(facts: dict[str, Any]) -> str:
    if not facts["oldest_factor"]:
        return _("none enrolled")
    days = {"oldest": facts["oldest_factor"][:10], "youngest": facts["youngest_factor"][:10]}
    one_day = days["oldest"] == days["youngest"]
    return _("added %(oldest)s") % days if one_day else _("added %(oldest)s to %(youngest)s") % days
