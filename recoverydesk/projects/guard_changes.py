"""The verbs of guards. A stricter level counts at once, or from a day on; a less strict one after a day in which every
owner can take it back (ADR 0165).

Each change is an event and a mail to every owner. The end of a wait is a chore of the sweep.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import decisions
from accounts.factors import kinds
from accounts.mail.models import Mail
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guard_mails, guards
from recoverydesk.projects.guard_levels import ANOTHER, LEVELS, SECOND_FACTOR, strictness
from recoverydesk.projects.models import GuardChange, Project, Role
from recoverydesk.projects.roles import in_quarantine

COOL_DOWN = timedelta(hours=24)
LATEST_DAY = timedelta(days=90)
ASKED_A_DAY = 10  # less strict levels of one project, counted from the log
FACTOR_DAYS = 30
BATCH = 100


class GuardError(Exception):
    """A verb of guards was refused; nothing changed."""

    message: str | Promise = _("There is no such guard.")

    def __str__(self) -> str:
        return str(self.message)


class NotGuarding(GuardError):
    """Only an owner who acts changes guards."""

    message = _("Only an owner of the project may change its guards. A role that is on hold does not count.")


class GuardsInQuarantine(GuardError):
    """The account was recovered recently (design rule 9)."""

    message = _(
        "Your account was recovered. You cannot change guards until the limits of your account end. A co-owner can."
    )


class NotReadyYourself(GuardError):
    """Whoever asks others for a factor has it."""

    message = _("First add this second factor to your own account. Then you can require it here.")


class NoOtherOwner(GuardError):
    """Nobody could publish what the one owner stages."""

    message = _("No other owner can publish. Invite another owner first.")


class NotReady(GuardError):
    """The guards ask for a second factor that this person has not got: without it, they lower none."""

    def __init__(self, what: str) -> None:
        self.message = what


class UnfitDay(GuardError):
    """A guard begins at once, or on a day of the next 90."""

    message = _("Enter a day within the next 90 days. If the guard shall change at once, leave the field empty.")


class TooManyAsked(GuardError):
    """ASKED_A_DAY are used up."""

    message = _("The owners asked too often today for less strict guards. Try again tomorrow.")


class OwnerLost(GuardError):
    """Nobody removes who would object, and asks then."""

    message = _("An owner of this project was removed less than 24 hours ago. When 24 hours are over, ask again.")


class NothingPlanned(GuardError):
    """The change was taken back, or it is done."""

    message = _("This change was taken back already, or the guard has changed already.")


@transaction.atomic
def set_guard(
    project: Project,
    name: str,
    value: str,
    *,
    actor: User,
    starts: date | None = None,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> bool:
    """Choose the project's own level of a guard; False where nothing changes.

    A stricter one counts at once; for the second factor `starts` can name a later day. The present one drops whatever
    is planned. A less strict one needs a second factor that is FACTOR_DAYS old, shown for just that, and counts after
    COOL_DOWN; asking for the same again changes nothing. Raises GuardError and decisions.ConfirmationNeeded.
    """
    locked = _locked(project, actor)
    if in_quarantine(actor):
        raise GuardsInQuarantine
    if value not in LEVELS.get(name, ()):
        raise GuardError
    planned, step = _planned(locked, name), strictness(name, value) - strictness(name, guards.own(locked, name))
    if step < 0:
        if what := guards.lacks(locked, actor):
            raise NotReady(what)
        return _ask(locked, name, value, planned, actor, origin, confirmed)
    if step == 0:
        return planned is not None and _keep(locked, planned, actor, origin, "taken back")
    if name == SECOND_FACTOR and not guards.meets(kinds([actor.pk])[actor.pk], value):
        raise NotReadyYourself
    if value == ANOTHER and not _owning(locked).exclude(user=actor).exists():
        raise NoOtherOwner
    if starts is not None:
        return _announce(locked, name, value, planned, actor, origin, starts)
    if planned is not None:
        planned.delete()
    _set(locked, name, value, actor, origin, "stricter")
    return True


@transaction.atomic
def take_back(project: Project, name: str, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """Any owner who acts drops what is planned: the guard stays as it is. In quarantine only what is less strict.

    Raises NotGuarding, NothingPlanned or GuardsInQuarantine.
    """
    locked = _locked(project, actor)
    planned = _planned(locked, name) if name in LEVELS else None
    if planned is None:
        raise NothingPlanned
    if not is_less_strict(planned) and in_quarantine(actor):
        raise GuardsInQuarantine
    _keep(locked, planned, actor, origin, "taken back")


def planned_for(project: Project) -> dict[str, GuardChange]:
    """What is planned, by the guard's name; one query."""
    return {one.name: one for one in GuardChange.objects.filter(project=project).select_related("project", "by")}


def is_less_strict(change: GuardChange) -> bool:
    """Whether the planned level asks for less than the project's own does now."""
    return strictness(change.name, change.value) < strictness(change.name, guards.own(change.project, change.name))


@dataclass(frozen=True)
class ToCome:
    """A level of second factor that a project will ask of everybody with a role, from a day (UTC) on."""

    project: str
    level: str
    day: date


def factors_to_come(user: User) -> list[ToCome]:
    """What the user's projects, or the site, will ask. One query; one more while the site's day is ahead."""
    mine = {"project__roles__user": user, "project__roles__accepted_at__isnull": False}
    planned = GuardChange.objects.filter(name=SECOND_FACTOR, at__gt=Now(), **mine).select_related("project")
    coming = [ToCome(one.project.name, one.value, one.at.date()) for one in planned if not is_less_strict(one)]
    day: date | None = settings.GUARD_SECOND_FACTOR_FROM
    if day is None or guards.ahead(SECOND_FACTOR) is None:
        return coming
    roles = Role.objects.filter(user=user, accepted_at__isnull=False).select_related("project")
    return coming + [ToCome(role.project.name, guards.announced(role.project), day) for role in roles]


def asking(project: Project, name: str, value: str) -> decisions.Decision:
    """The decision to ask for this very level, below the present one."""
    seen = f"{guards.own(project, name)} to {value}"
    about = f"project:{project.uid}:{name}"
    key = guards.asks_key(project)
    return decisions.Decision("set_guard", about, seen, staff=False, factor_days=FACTOR_DAYS, key=key)


def _ask(
    project: Project, name: str, value: str, planned: GuardChange | None, actor: User,
    origin: RequestOrigin | None, confirmed: decisions.Confirmation | None,
) -> bool:  # fmt: skip
    """Begin the cool-down of a less strict level; one that is planned goes on."""
    if planned is not None and planned.value == value:
        return False
    asked = Event.objects.filter(project_uid=project.uid, tag=Tag.PROJECT_GUARD_ASK, time__gt=Now() - timedelta(days=1))
    if asked.count() >= ASKED_A_DAY:
        raise TooManyAsked
    if _lost_owner(project, database_now() - COOL_DOWN):
        raise OwnerLost
    words = {"project": project.name, "guard": guards.GUARDS[name].title, "level": guards.words(name, value)}
    sentences = [gettext("%(project)s: change the guard “%(guard)s” to “%(level)s” in 24 hours.") % words]
    decisions.check_confirmation(confirmed, asking(project, name, value), actor, sentences)
    _plan(project, name, value, database_now() + COOL_DOWN, planned, actor, origin)
    return True


def _announce(
    project: Project, name: str, value: str, planned: GuardChange | None, actor: User,
    origin: RequestOrigin | None, starts: date,
) -> bool:  # fmt: skip
    """A stricter level from a day on."""
    at, now = datetime.combine(starts, time(), UTC), database_now()
    if name != SECOND_FACTOR or not now < at <= now + LATEST_DAY:
        raise UnfitDay
    if planned is not None and (planned.value, planned.at) == (value, at):
        return False
    _plan(project, name, value, at, planned, actor, origin)
    return True


def _plan(
    project: Project, name: str, value: str, at: datetime, planned: GuardChange | None, actor: User,
    origin: RequestOrigin | None,
) -> None:  # fmt: skip
    if planned is not None:
        planned.delete()
    change = GuardChange.objects.create(project=project, name=name, value=value, at=at, by=actor)
    less = is_less_strict(change)
    data: dict[str, Any] = {"guard": name, "value": value, "at": at.isoformat()}
    tag = Tag.PROJECT_GUARD_ASK if less else Tag.PROJECT_GUARD_ANNOUNCE
    event = record(tag, actor=actor, project=project, origin=origin, **data)
    guard_mails.tell(project, actor, "asked" if less else "announced", name, value, event.pk, at=at, change=change.pk)


def _keep(project: Project, planned: GuardChange, actor: User | str, origin: RequestOrigin | None, how: str) -> bool:
    """Drop what was planned."""
    name, own = planned.name, guards.own(project, planned.name)
    planned.delete()
    event = record(Tag.PROJECT_GUARD_KEEP, actor=actor, project=project, origin=origin, guard=name, value=own, how=how)
    guard_mails.tell(project, actor, how, name, own, event.pk)
    return True


def _set(project: Project, name: str, value: str, actor: User | str, origin: RequestOrigin | None, how: str) -> None:
    old = guards.own(project, name)
    project.guards = {**project.guards, name: value}
    project.save(update_fields=["guards"])
    data: dict[str, Any] = {"guard": name, "old": old, "value": value}
    event = record(Tag.PROJECT_GUARD_CHANGE, actor=actor, project=project, origin=origin, **data)
    guard_mails.tell(project, actor, how, name, value, event.pk)


def _locked(project: Project, actor: User) -> Project:
    """Lock the project; raises NotGuarding."""
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if not _owning(locked).filter(user=actor).exists():
        raise NotGuarding
    return locked


def _owning(project: Project) -> QuerySet[Role]:
    """The roles with which people change guards: an owner's, accepted, not on hold, of an account that is open."""
    owning = Role.objects.filter(project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    return owning.filter(held_at=None, user__is_active=True, user__frozen_at=None)


def _planned(project: Project, name: str) -> GuardChange | None:
    return GuardChange.objects.filter(project=project, name=name).select_related("project").first()


# What time does -------------------------------------------------------------------------------------------------------


def sweep() -> int:
    """Carry out what is due; returns how many changes that were. One query where nothing is."""
    due = GuardChange.objects.filter(at__lte=Now()).order_by("at", "pk")
    return sum(_carry_out(*one) for one in due.values_list("pk", "project_id")[:BATCH])


@transaction.atomic
def _carry_out(pk: int, project_id: int) -> bool:
    """Do it unless whoever asked for less is no acting owner any more, another owner lost the role since, or the
    notices are younger than COOL_DOWN."""
    project = Project.objects.select_for_update().get(pk=project_id)
    change = GuardChange.objects.filter(pk=pk, at__lte=Now()).select_related("project", "by").first()
    if change is None:
        return False
    less = is_less_strict(change)
    if less and not _still_asks(project, change.by):
        return _keep(project, change, "system", None, "ended")
    if less and _lost_owner(project, _asked_at(change) - COOL_DOWN):
        return _keep(project, change, "system", None, "owner lost")
    if less and (later := _not_before(change)):
        GuardChange.objects.filter(pk=pk).update(at=later)
        return False
    change.delete()
    _set(project, change.name, change.value, "system", None, "less strict" if less else "stricter")
    return True


def _still_asks(project: Project, by: User | None) -> bool:
    """Design rule 9: an account that was recovered, frozen or put on hold meanwhile turns nothing off."""
    return by is not None and _owning(project).filter(user=by).exists() and not in_quarantine(by)


def _asked_at(change: GuardChange) -> datetime:
    asked = Event.objects.filter(
        tag=Tag.PROJECT_GUARD_ASK, project_uid=change.project.uid, data__guard=change.name
    ).order_by("-id")
    return asked.values_list("time", flat=True).first() or change.at - COOL_DOWN


def _lost_owner(project: Project, since: datetime) -> bool:
    """Whether one person took the role of another owner since: who would have objected may be gone."""
    tags = (Tag.PROJECT_ROLE_REMOVE, Tag.PROJECT_ROLE_CHANGE)
    lost = Event.objects.filter(project_uid=project.uid, tag__in=tags, time__gt=since, actor_uid__isnull=False)
    lost = lost.exclude(actor_uid=F("subject_uid"))
    return any(
        data.get("old", data.get("kind")) == Role.Kind.OWNER and data.get("state") != "withdrawn"
        for data in lost.values_list("data", flat=True)
    )


def _not_before(change: GuardChange) -> datetime | None:
    """The end of the cool-down where the notices left late; None where they left in time."""
    mails = Mail.objects.filter(dedupe_key__startswith=guard_mails.asked_key(change.pk))
    told = mails.aggregate(waiting=Count("pk", filter=Q(state=Mail.State.QUEUED)), last=Max("settled_at"))
    now = database_now()
    since = now if told["waiting"] else told["last"]
    return since + COOL_DOWN if since and since + COOL_DOWN > now else None
