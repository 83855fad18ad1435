"""Who may do what: rights, the groups that hold them, and what an actor is to a ticket."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from accounts.decisions import Confirmation
from accounts.mail.models import Link
from accounts.models import User
from audit.log import RequestOrigin

WORK_TICKETS = "recovery.work_recoveryticket"
RESET = "recovery.reset_recoveryticket"
RESET_WITHOUT_PROJECTS = "recovery.reset_without_projects"
VIEW = "recovery.view_recoveryticket"

EDIT_TEMPLATES = ("add_replytemplate", "change_replytemplate", "delete_replytemplate")
FREEZE = "accounts.freeze_user"

_LOOK = (
    "view_recoveryticket", "view_codehost", "view_user", "view_project", "view_event", "view_apitoken",
    "view_replytemplate", "view_figures", "view_unmatched", "view_incomingmail", "view_issueform",
)  # fmt: skip
GROUPS = {
    "Moderators": (*_LOOK, "work_recoveryticket", "freeze_user"),
    "Admins": (*_LOOK, "work_recoveryticket", "reset_recoveryticket", "freeze_user", "delete_release", *EDIT_TEMPLATES),
    "Auditors": _LOOK,
}


class Who(StrEnum):
    """The parts people (and the desk itself) play in a ticket."""

    SYSTEM = "system"
    MODERATOR = "moderator"
    ADMIN = "admin"
    CLAIMANT = "claimant"
    ADDRESS_HOLDER = "address holder"
    SUBJECT = "subject"
    CO_OWNER = "co-owner"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Actor:
    """Somebody about to use a verb. `recent` says whether a second factor was used in the last five minutes: enough for
    what people do with their own account. `confirmed` is the one decision of staff it was shown for.

    `factor_since` is when the second factor of this visit was added; None for a visit without one. `origin` is where
    the request came from; it goes into the erasable detail row of the events.
    """

    parts: frozenset[Who]
    user: User | None = None
    link: Link | None = None
    recent: bool = False
    confirmed: Confirmation | None = None
    rights: frozenset[str] = field(default=frozenset())
    factor_since: datetime | None = None
    origin: RequestOrigin | None = None

    @property
    def party(self) -> User | str:
        """How the audit log names this actor."""
        return self.user or min((part.value for part in self.parts), default="visitor")


SYSTEM = Actor(frozenset({Who.SYSTEM}))
OPERATOR = Actor(frozenset({Who.OPERATOR}))


def staff(user: User, *, confirmed: Confirmation | None = None) -> Actor:
    """A member of staff, with the rights their groups (or being a superuser) give them."""
    rights = frozenset(right for right in (VIEW, WORK_TICKETS, RESET, RESET_WITHOUT_PROJECTS) if user.has_perm(right))
    parts = {Who.MODERATOR} if WORK_TICKETS in rights else set()
    if rights & {RESET, RESET_WITHOUT_PROJECTS}:
        parts.add(Who.ADMIN)
    return Actor(frozenset(parts), user=user, confirmed=confirmed, rights=rights)


def admins() -> list[User]:
    """Whom changes of the desk itself are told: active superusers and members of the group Admins."""
    found = User.objects.filter(Q(is_superuser=True) | Q(groups__name="Admins"), is_active=True)
    return list(found.distinct().order_by("pk"))


def can_work(user: User) -> bool:
    """Whether this person has the right to work tickets and can come to the desk to do it."""
    return user.is_staff and user.may_sign_in and user.has_perm(WORK_TICKETS)


def signed_in(
    user: User, *, recent: bool = False, factor_since: datetime | None = None, origin: RequestOrigin | None = None
) -> Actor:
    """Somebody signed in, acting for their own account or as a co-owner; the verb finds out which."""
    parts = frozenset({Who.SUBJECT, Who.CO_OWNER})
    return Actor(parts, user=user, recent=recent, factor_since=factor_since, origin=origin)


def claimant(link: Link, origin: RequestOrigin | None = None) -> Actor:
    """The holder of a ticket's status link: whoever reads the contact's mailbox."""
    return Actor(frozenset({Who.CLAIMANT}), link=link, origin=origin)


def address_holder(link: Link, origin: RequestOrigin | None = None) -> Actor:
    """The holder of a stop link: whoever reads a mailbox of the account."""
    return Actor(frozenset({Who.ADDRESS_HOLDER}), link=link, origin=origin)


def make_groups(**kwargs: object) -> None:
    """Create the groups and give them their rights; runs after every migrate and never takes a right away."""
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*Permission.objects.filter(codename__in=codenames))


def factor_since(device: object) -> datetime | None:
    """When the second factor of a visit was added; None for a visit without one."""
    since = getattr(device, "created_at", None)
    return since if isinstance(since, datetime) else None
