"""What a full list of accounts takes away: roles and addresses that its registry has no more (ADR 0190)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import addresses
from accounts.models import FormerAddress, User
from audit.log import record
from audit.tags import Tag
from recoverydesk.projects import importing_accounts, names, reading, roles
from recoverydesk.projects.importing_accounts import ACTOR, Account, ImportedAccount
from recoverydesk.projects.models import Role
from recoverydesk.projects.published import InvalidFact


class SyncRefused(Exception):
    """Nothing was changed; the message says why and what to do."""


@dataclass
class Difference:
    """What goes, what stays although the list lacks it (each with a line of text), and out of how many."""

    roles: list[Role] = field(default_factory=list)
    addresses: list[EmailAddress] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    of_roles: int = 0
    of_addresses: int = 0

    def lines(self) -> Iterator[str]:
        """Say it, a line each."""
        for row in self.addresses:
            yield f"- {row.user.username}: {row.email}"
        for role in self.roles:
            yield f"- {role.user.username}: {role.kind}, {role.project.name}"
        yield from self.kept

    def counts(self) -> dict[str, int]:
        """Say how much goes, out of how much."""
        return {
            "roles": len(self.roles),
            "of_roles": self.of_roles,
            "addresses": len(self.addresses),
            "of_addresses": self.of_addresses,
        }

    def refuse_more_than(self, percent: float) -> None:
        """Raises SyncRefused: a list that lacks so much is more often cut off than right."""
        for gone, whole, what in (
            (len(self.roles), self.of_roles, _("roles")),
            (len(self.addresses), self.of_addresses, _("addresses")),
        ):
            if gone * 100 > whole * percent:
                raise SyncRefused(
                    _(
                        "%(gone)d of %(whole)d %(what)s are not in the list. That is more "
                        "than %(percent)g percent, so nothing was changed. If the list is "
                        "complete, allow more with --most-removed."
                    )
                    % {"gone": gone, "whole": whole, "what": what, "percent": percent}
                )


def compare(path: Path) -> Difference:
    """Hold a full list against what is stored, and change nothing.

    Raises OSError, or SyncRefused for a list with a line that cannot be read, or with an account twice: what such a
    list does not name may still be there.
    """
    found, seen = Difference(), set[str]()
    for account, place in _accounts(path):
        name = account.username.lower()
        if name in seen:
            raise SyncRefused(_("%(place)s: %(name)s is in the list twice") % {"place": place, "name": name})
        seen.add(name)
        if user := User.objects.filter(username__iexact=name).first():
            _compare_one(user, account, found)
    if not seen:
        raise SyncRefused(_("The list names no account."))
    _unlisted(seen, found)
    return found


def _accounts(path: Path) -> Iterator[tuple[Account, str]]:
    for item in reading.documents(path):
        place = str(path) if item.line is None else f"{path}:{item.line}"
        try:
            if item.problem:
                raise InvalidFact(item.problem)
            yield importing_accounts.read_account(item.value), place
        except InvalidFact as error:
            raise SyncRefused(f"{place}: {error}") from error


def _compare_one(user: User, account: Account, found: Difference) -> None:
    listed = {address.email for address in account.addresses}
    held = list(EmailAddress.objects.filter(user=user).select_related("user").order_by("pk"))
    lost = [row for row in held if row.email.lower() not in listed]
    found.of_addresses += len(held)
    named = {names.normalize(role.project) for role in account.roles}
    own = list(_roles(user))
    missing = [role for role in own if role.project.normalized_name not in named]
    found.of_roles += len(own)
    _sort_out(user, lost, missing, found)


def _unlisted(seen: set[str], found: Difference) -> None:
    """Accounts that the list lacks lose their roles and keep their addresses: those hear what becomes of them."""
    holders = User.objects.filter(roles__accepted_at__isnull=False).distinct().order_by("pk")
    for user in holders.iterator():
        if user.username.lower() not in seen:
            own = list(_roles(user))
            found.of_roles += len(own)
            _sort_out(user, [], own, found)


def _roles(user: User) -> Iterable[Role]:
    held = Role.objects.filter(user=user, accepted_at__isnull=False)
    return held.select_related("user", "project").order_by("project__normalized_name")


def _sort_out(user: User, lost: list[EmailAddress], missing: list[Role], found: Difference) -> None:
    if not (lost or missing):
        return
    if why := why_not(user):
        found.kept.append(f"= {user.username}: {why}")
        return
    found.addresses += lost
    found.roles += missing


def why_not(user: User) -> str:
    """Why a list changes nothing of this account now; empty when it may.

    Staff is let into the desk by the desk alone, so no list says where their mail goes.
    """
    if user.is_staff:
        return _("staff of this site; a list does not change them")
    return addresses.may_change(user)


@transaction.atomic
def sync_account(row: Any) -> ImportedAccount:
    """Import one line; then the account has exactly the addresses of that line: the registry is who verified them.

    An account that a list may not change now keeps its own. Raises like import_account, having stored nothing.
    """
    done = importing_accounts.import_account(row)
    user = User.objects.select_for_update().get(username=done.name)
    if not done.accounts and not why_not(user):
        _take_addresses(user, importing_accounts.read_account(row))
    return done


def _take_addresses(user: User, account: Account) -> None:
    stored = {held.email.lower(): held for held in EmailAddress.objects.filter(user=user)}
    wanted = {address.email: address for address in account.addresses}
    importing_accounts.refuse_taken(
        [email for email, one in wanted.items() if one.verified and not (email in stored and stored[email].verified)]
    )
    for email, held in stored.items():
        if email not in wanted or (held.verified and not wanted[email].verified):
            _remove(user, held)
    for email in wanted:
        _store(user, email, wanted[email].verified)
    _make_primary(user, next((one.email for one in account.addresses if one.primary), ""))
    importing_accounts.remember_former(user, account)


def _remove(user: User, held: EmailAddress) -> None:
    """A verified one goes on hearing of changes for a while, like one that its owner removes."""
    if held.verified:
        FormerAddress.objects.create(user=user, email=held.email)
    record(Tag.ACCOUNT_EMAIL_REMOVE, actor=ACTOR, subject=user, address=held.email)
    held.delete()


def _store(user: User, email: str, verified: bool) -> None:  # noqa: FBT001 - a fact of the list, not a switch
    held = EmailAddress.objects.filter(user=user, email__iexact=email).first()
    if held is None:
        EmailAddress.objects.create(user=user, email=email, verified=verified)
        record(Tag.ACCOUNT_EMAIL_ADD, actor=ACTOR, subject=user, address=email)
    elif verified and not held.verified:
        EmailAddress.objects.filter(pk=held.pk).update(verified=True)
    else:
        return
    if verified:
        record(Tag.ACCOUNT_EMAIL_VERIFIED, actor=ACTOR, subject=user, address=email)


def _make_primary(user: User, email: str) -> None:
    if EmailAddress.objects.filter(user=user, primary=True, email=email).exists() or (not email and not user.email):
        return
    EmailAddress.objects.filter(user=user, primary=True).update(primary=False)
    EmailAddress.objects.filter(user=user, email=email).update(primary=True)
    User.objects.filter(pk=user.pk).update(email=email)
    record(Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE, actor=ACTOR, subject=user, address=email)


def take_roles(gone: Iterable[Role]) -> Iterator[str]:
    """Take these roles away, each by itself, and yield a line for each that stays; what is gone already is right."""
    for role in gone:
        if why := why_not(role.user):
            yield f"= {role.user.username}: {why}"
            continue
        try:
            roles.remove_role(role, actor=ACTOR)
        except roles.RoleError as error:
            if Role.objects.filter(pk=role.pk).exists():
                yield f"= {role.user.username}, {role.project.name}: {error}"
