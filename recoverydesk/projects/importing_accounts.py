"""Imports accounts with their addresses and roles: one line, one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import usernames
from accounts.models import FormerAddress, User
from audit.log import record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import names, services
from recoverydesk.projects.documents import parse_time
from recoverydesk.projects.models import Project, Role
from recoverydesk.projects.published import InvalidFact, checked

ACTOR = "system"
KEYS = {"username", "email", "verified", "since", "emails", "former", "is_active", "roles", "joined"}
MOST_ADDRESSES = 10
EMAIL_LENGTH = 254
MOST_ROLES = 10_000


@dataclass(frozen=True)
class Address:
    """An address; `since` is when it was verified, None where the list does not say."""

    email: str
    verified: bool
    primary: bool
    since: datetime | None


@dataclass(frozen=True)
class ListedRole:
    """A role as the list has it; `since` is None where the list does not say."""

    project: str
    kind: str
    since: datetime | None


@dataclass(frozen=True)
class Account:
    """One line of the file, checked."""

    username: str
    is_active: bool
    joined: datetime | None
    addresses: tuple[Address, ...]
    former: dict[str, datetime]  # verified addresses that were removed, and when
    roles: tuple[ListedRole, ...]


@dataclass(frozen=True)
class ImportedAccount:
    """What one line changed."""

    name: str
    accounts: int = 0
    roles: int = 0


@transaction.atomic
def import_account(row: Any) -> ImportedAccount:
    """Make the account one line describes, with an unusable password, and give it its roles.

    An account that exists keeps everything it has and only gains missing roles: nothing but its owner, or a full list
    (syncing_accounts.py), changes an address. A role without a date is as old as the account that comes with it, and
    new where the account is here already. Raises InvalidFact or RoleError, having stored nothing.
    """
    account = read_account(row)
    user = User.objects.filter(username__iexact=account.username).first()
    made = user is None
    user = user or _make(account)
    given = sum(_give(user, role, account.joined if made else None) for role in account.roles)
    return ImportedAccount(user.username, made, given)


def _make(account: Account) -> User:
    refuse_taken([address.email for address in account.addresses if address.verified])
    primary = next((address.email for address in account.addresses if address.primary), "")
    user = User(username=account.username, email=primary, is_active=account.is_active)
    if account.joined:
        user.date_joined = account.joined
    user.set_unusable_password()
    user.save(force_insert=True)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=address.email, verified=address.verified, primary=address.primary)
        for address in account.addresses
    )
    record(Tag.ACCOUNT_IMPORT, actor=ACTOR, subject=user)
    _date(user, account)
    remember_former(user, account)
    return user


def _date(user: User, account: Account) -> None:
    """Write down since when addresses are verified that are new, or may be to a request from before today.

    An address is never older than its account. Where a list dates neither, it counts as old.
    """
    recent = database_now() - 2 * settings.RECOVERY_YOUNG_LINK
    for address in account.addresses:
        since = max((at for at in (address.since, account.joined) if at is not None), default=None)
        if address.verified and since is not None and since > recent:
            day = since.isoformat()
            record(Tag.ACCOUNT_EMAIL_VERIFIED, actor=ACTOR, subject=user, address=address.email, since=day)


def remember_former(user: User, account: Account) -> None:
    """A removed address that the list names goes on hearing of changes for a while, like one that is removed here."""
    for email, removed in account.former.items():
        held = FormerAddress.objects.filter(user=user, email=email, removed_at__gte=removed)
        if not held.exists():
            FormerAddress.objects.create(user=user, email=email, removed_at=min(removed, database_now()))


def refuse_taken(emails: list[str]) -> None:
    """Raises InvalidFact for an address that an account has verified."""
    taken = EmailAddress.objects.filter(email__in=emails, verified=True).first()
    if taken:
        raise InvalidFact(_("%(email)s belongs to another account") % {"email": taken.email})


def _give(user: User, role: ListedRole, since: datetime | None) -> bool:
    project = Project.objects.filter(normalized_name=names.normalize(role.project)).first()
    if project is None:
        raise InvalidFact(_("there is no project %(name)s") % {"name": role.project[: names.MAX_LENGTH]})
    return services.ensure_role(user, project, role.kind, actor=ACTOR, created_at=role.since or since)


def read_account(row: Any) -> Account:
    """Check one line. Raises InvalidFact with what is wrong."""
    if not isinstance(row, dict):
        raise InvalidFact(_("the line is not a JSON object"))
    if unknown := set(row) - KEYS:
        raise InvalidFact(_("unknown key %(key)s") % {"key": min(unknown)[:50]})
    username = row.get("username")
    if not isinstance(username, str) or len(username) > usernames.MAX_LENGTH or not usernames.PATTERN.match(username):
        raise InvalidFact(_("%(username)r is not a username") % {"username": str(username)[: usernames.MAX_LENGTH]})
    joined = _time(row, "joined")
    active, addresses = _flag(row, "is_active", default=True), _addresses(row)
    return Account(username, active, joined, addresses, _former(row, addresses), _roles(row))


def _addresses(row: dict[str, Any]) -> tuple[Address, ...]:
    """Join `email`, the primary address, with `emails`. Without a word about it, the first one is primary."""
    rows = _objects(row, "emails", MOST_ADDRESSES)
    if row.get("email") is not None:
        main = {"email": row["email"], "verified": row.get("verified", False), "primary": True}
        main["since"] = row.get("since")
        rows = [main, *(other for other in rows if not _same(other.get("email"), row["email"]))]
    if rows and not any(other.get("primary") for other in rows):
        rows = [{**rows[0], "primary": True}, *rows[1:]]
    addresses = tuple(
        Address(_email(other.get("email")), _flag(other, "verified"), _flag(other, "primary"), _time(other, "since"))
        for other in rows
    )
    if len({address.email for address in addresses}) < len(addresses):
        raise InvalidFact(_("an address appears twice"))
    if sum(address.primary for address in addresses) > 1:
        raise InvalidFact(_("more than one address is primary"))
    return addresses


def _former(row: dict[str, Any], addresses: tuple[Address, ...]) -> dict[str, datetime]:
    former = {}
    for one in _objects(row, "former", MOST_ADDRESSES):
        email = _email(one.get("email"))
        if email in former or any(email == address.email for address in addresses):
            raise InvalidFact(_("an address appears twice"))
        former[email] = parse_time(one.get("removed"))
    return former


def _time(row: dict[str, Any], key: str) -> datetime | None:
    return None if row.get(key) is None else parse_time(row[key])


def _same(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


def _roles(row: dict[str, Any]) -> tuple[ListedRole, ...]:
    roles = []
    for role in _objects(row, "roles", MOST_ROLES):
        project, kind = role.get("project"), role.get("kind")
        if not isinstance(project, str) or not names.is_valid(project):
            raise InvalidFact(_("%(name)r is not a project name") % {"name": str(project)[: names.MAX_LENGTH]})
        if kind not in Role.Kind.values:
            raise InvalidFact(_("%(kind)r is not a kind of role") % {"kind": str(kind)[:50]})
        roles.append(ListedRole(project, kind, _time(role, "since")))
    return tuple(roles)


def _email(value: object) -> str:
    try:
        email = checked(_("an e-mail address"), value, EMAIL_LENGTH).lower()
        validate_email(email)
    except ValidationError:
        raise InvalidFact(_("%(email)r is not an e-mail address") % {"email": email}) from None
    return email


def _flag(row: dict[str, Any], key: str, *, default: bool = False) -> bool:
    value = row.get(key, default)
    if type(value) is not bool:
        raise InvalidFact(_("%(key)s is neither true nor false") % {"key": key})
    return value


def _objects(row: dict[str, Any], key: str, most: int) -> list[dict[str, Any]]:
    rows = [] if row.get(key) is None else row[key]
    if not isinstance(rows, list) or not all(isinstance(other, dict) for other in rows):
        raise InvalidFact(_("%(key)s is not an array of JSON objects") % {"key": key})
    if len(rows) > most:
        raise InvalidFact(_("%(key)s has more than %(most)s entries") % {"key": key, "most": most})
    return rows
