"""Guards: what holds for a project whoever publishes. The site, the site for critical projects and the project itself
each choose a level, and the strictest counts (ADR 0165).

Everything is read from the project's row and the settings: asking costs no query. guard_changes.py changes them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import factors
from accounts.models import User
from recoverydesk.projects.guard_levels import (
    ANOTHER,
    LEVELS,
    NEWER_VERSIONS,
    OFF,
    ON,
    ONLY_PUBLISHERS,
    PROJECT_TOKENS,
    SECOND_FACTOR,
    TOKEN_DAYS,
    TOKEN_FACTOR,
    TWO_STEP,
    strictest,
    strictness,
)
from recoverydesk.projects.models import Project

Words = str | Promise
SITE, CRITICAL, PROJECT = "site", "critical", "project"
SWITCH: dict[str, Words] = {OFF: _("off"), ON: _("on")}


@dataclass(frozen=True)
class Guard:
    """One guard in words: what it asks, and what each of its levels is called, from none to the strictest."""

    name: str
    title: Words
    about: Words
    levels: dict[str, Words]


GUARDS: dict[str, Guard] = {
    guard.name: guard
    for guard in (
        Guard(
            SECOND_FACTOR,
            _("Second factor"),
            _("People without this second factor cannot publish, and they cannot change roles or releases."),
            {OFF: _("off"), "any": _("any second factor"), "key": _("a security key")},
        ),
        Guard(
            PROJECT_TOKENS,
            _("Only tokens for one project"),
            _("We refuse uploads with a token for a whole account."),
            SWITCH,
        ),
        Guard(
            TOKEN_DAYS,
            _("Maximum age of tokens"),
            _("We refuse uploads with a token above this age. New tokens expire before they "
              "reach it."),
            {OFF: _("off"), **dict.fromkeys(LEVELS[TOKEN_DAYS][1:-1], _("%s days")), "1": _("1 day")},
        ),
        Guard(
            TOKEN_FACTOR,
            _("A second factor for each new token"),
            _("Whoever makes a token shows a second factor for that token."),
            SWITCH,
        ),
        Guard(
            NEWER_VERSIONS,
            _("Newer versions only"),
            _("A final release must be newer than every final release. A pre-release must be "
              "newer than every release. We refuse older ones, such as 1.8.5 after 1.9. We "
              "compare as pip does (PEP 440). Yanked and deleted releases do not count."),
            SWITCH,
        ),
        Guard(
            TWO_STEP,
            _("Two-step release"),
            _("Uploads are staged. Nobody can install them until an owner publishes them "
              "with a second factor. A trusted publisher uploads in the name of the owner "
              "who added it."),
            {OFF: _("off"), ON: _("any owner publishes"), ANOTHER: _("an owner who did not upload it publishes")},
        ),
        Guard(
            ONLY_PUBLISHERS,
            _("Trusted publishers only"),
            _("We refuse uploads with the API token of a person. Only trusted publishers publish."),
            SWITCH,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """How one guard stands for a project: the level in force and from where ("" where it is off), the project's own
    level, and the day on which the site's begins, while that is ahead."""

    guard: Guard
    value: str
    source: str
    own: str
    site_from: date | None = None

    @property
    def words(self) -> str:
        return words(self.guard.name, self.value)


def words(name: str, value: str) -> str:
    """A level for people; the bare value where this version does not know it."""
    level = str(GUARDS[name].levels.get(value, value))
    return level % value if "%s" in level else level


def about(written: str) -> str:
    """A guard and its level as the history writes them ("token_days 30"), in words."""
    name, _space, level = written.partition(" ")
    return f"{GUARDS[name].title}: {words(name, level)}" if name in GUARDS else written


def own(project: Project, name: str) -> str:
    """The level that the project's owners chose."""
    return str(project.guards.get(name, OFF))


def standings(project: Project | None) -> list[Standing]:
    """What is in force here, and from where: every guard, in order. None: for a project that is not there yet."""
    return [standing(project, name) for name in LEVELS]


def standing(project: Project | None, name: str) -> Standing:
    """How this one stands."""
    chosen, day = _by_site(project, name), ahead(name)
    now = {} if day else dict(chosen)
    now[PROJECT] = own(project, name) if project else OFF
    value = strictest(name, now.values())
    source = "" if value == OFF else next(source for source, level in now.items() if level == value)
    planned = day if day and strictness(name, strictest(name, chosen.values())) > strictness(name, value) else None
    return Standing(GUARDS[name], value, source, now[PROJECT], planned)


def value(project: Project | None, name: str) -> str:
    """The level in force."""
    return standing(project, name).value


def in_force(project: Project | None) -> list[Standing]:
    """The guards that are not off."""
    return [one for one in standings(project) if one.source]


def _by_site(project: Project | None, name: str) -> dict[str, str]:
    chosen = {SITE: settings.GUARDS.get(name, OFF)}
    if project is not None and project.critical:
        chosen[CRITICAL] = settings.GUARDS_CRITICAL.get(name, OFF)
    return chosen


def ahead(name: str) -> date | None:
    """The day on which the site's level begins, while it is ahead."""
    day: date | None = settings.GUARD_SECOND_FACTOR_FROM if name == SECOND_FACTOR else None
    return day if day and timezone.now().date() < day else None


def announced(project: Project) -> str:
    """The level of second factor that the site will ask for from GUARD_SECOND_FACTOR_FROM on."""
    return strictest(SECOND_FACTOR, _by_site(project, SECOND_FACTOR).values())


# Who is ready ---------------------------------------------------------------------------------------------------------


def meets(kinds: Iterable[str], level: str) -> bool:
    """Whether somebody with these kinds of second factor ("app", "key") has what the level asks."""
    return level == OFF or level in (*kinds, *("any" for _kind in kinds))


def lacks(project: Project | None, user: User) -> str:
    """What this person must add before they publish or change anything here, in words; "" when they are ready.

    No query while the guard is off.
    """
    return lacks_of(user)(project)


def lacks_of(user: User) -> Callable[[Project | None], str]:
    """The same for many projects: two queries at most."""
    kinds = cache(lambda: factors.kinds([user.pk])[user.pk])

    def lacks_in(project: Project | None) -> str:
        level = value(project, SECOND_FACTOR)
        return "" if level == OFF or meets(kinds(), level) else must_add(level)

    return lacks_in


def asks_key(project: Project) -> bool:
    """Whether only a security key confirms here what a second factor confirms elsewhere."""
    return value(project, SECOND_FACTOR) == "key"


def must_add(level: str) -> str:
    """What somebody who is not ready for this level does."""
    if level == "key":
        return str(_("This project asks for a security key. Add a security key to your account first."))
    return str(_("This project asks for a second factor. Add a second factor to your account first."))
