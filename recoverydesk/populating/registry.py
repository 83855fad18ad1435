"""Accounts, projects, roles, releases and the repository links they sum up to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from recoverydesk.populating.chance import Chance
from recoverydesk.projects.models import Role

YEARS = 12
HOSTS = [
    (0.79, "github.com"), (0.09, "launchpad.net"), (0.07, "sourceforge.net"), (0.02, "foss.heptapod.net"),
    (0.01, "salsa.debian.org"), (0.01, "gitlab.com"), (0.01, "codeberg.org"),
]  # fmt: skip
HUBS = {"launchpad.net": "https://code.launchpad.net/{0}", "sourceforge.net": "https://sourceforge.net/p/{0}/code"}
WITHOUT_REPOSITORY = 0.125
MOVED = 0.04
OWN_NAME = 0.6
UNVERIFIED = 0.04
STAFF = 5


@dataclass(frozen=True)
class Sizes:
    """How much of each there is to be."""

    users: int
    projects: int
    releases: int
    tickets: int
    events: int


@dataclass(frozen=True)
class Project:
    """What later rows need to know of a project: who owns it and what it names since when."""

    id: int
    owner: int
    places: tuple[tuple[str, str, str, str, datetime], ...]  # URL, host, namespace, first version, first seen


@dataclass
class World:
    """A registry in the making. Ids run on from what the database holds already."""

    sizes: Sizes
    chance: Chance
    today: datetime
    first: dict[str, int]
    names: list[str] = field(default_factory=list)
    uids: list[Any] = field(default_factory=list)
    verified: list[tuple[str, ...]] = field(default_factory=list)
    releases_of: list[int] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    links: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def staff(self) -> int:
        """How many of the accounts, the first ones, work the desk. They own nothing and lose nothing."""
        return min(STAFF, self.sizes.users // 2)


USER = (
    "id", "uid", "username", "email", "password", "date_joined", "is_active", "language", "is_staff", "staff_since",
)  # fmt: skip
ADDRESS = ("user_id", "email", "primary", "verified")
TOTP = ("user_id", "name", "confirmed", "secret", "created_at")
PROJECT = ("id", "uid", "name", "normalized_name", "critical", "created_at")
ROLE = ("user_id", "project_id", "kind", "created_at", "accepted_at")
RELEASE = ("id", "project_id", "version", "uploaded_at", "urls", "names_boundary")
LINK = (
    "project_id", "kind", "label", "url", "host", "namespace", "repository", "first_seen", "first_release_id",
    "last_seen", "last_release_id",
)  # fmt: skip


def users(world: World) -> Iterator[tuple[Any, ...]]:
    """One account each; nobody has a password."""
    chance, first, since = world.chance, world.first["users"], world.today - timedelta(days=365)
    for number in range(world.sizes.users):
        name, uid = chance.name(first + number), chance.uid()
        world.names.append(name)
        world.uids.append(uid)
        joined = world.today - timedelta(days=chance.random.random() * 365 * YEARS + 1)
        language = "es" if chance.random.random() < 0.05 else "en"
        staff = number < world.staff
        yield (
            first + number, uid, name, f"{name}@example.org", "!", joined, True, language, staff,
            since if staff else None,
        )  # fmt: skip


def addresses(world: World) -> Iterator[tuple[Any, ...]]:
    """A primary address each, nearly all verified (the last one always); every tenth account has a second one."""
    for number, name in enumerate(world.names):
        user, dice = world.first["users"] + number, world.chance.random.random()
        primary, second = f"{name}@example.org", f"{name}@example.com"
        verified = dice > UNVERIFIED or number == world.sizes.users - 1
        world.verified.append((primary,) * verified + (second,) * (dice > 0.9))
        yield user, primary, True, verified
        if dice > 0.9:
            yield user, second, False, True


def apps(world: World, secret: bytes, resets: dict[int, datetime]) -> Iterator[tuple[Any, ...]]:
    """An authenticator app for two accounts of five. They share one secret that nobody knows.

    `resets` is when each account was last reset: what it has now was added since.
    """
    for number in range(world.sizes.users):
        dice, age = world.chance.random.random(), world.chance.random.random()
        since = resets.get(number, world.today - timedelta(days=1240))
        if dice < 0.4:
            yield world.first["users"] + number, "phone", True, secret, since + (world.today - since) * age


def projects(world: World) -> Iterator[tuple[Any, ...]]:
    """Names of the registry; one in two hundred is critical. Decides, too, how many releases each gets."""
    chance, first, sizes = world.chance, world.first["projects"], world.sizes
    counts = [1] * sizes.projects
    for _ in range(max(0, sizes.releases - sizes.projects)):
        counts[chance.scattered(sizes.projects, 50)] += 1
    world.releases_of = counts if sizes.releases >= sizes.projects else [1] * sizes.releases
    for number in range(sizes.projects):
        name = f"{chance.name(first + number)}-{chance.name(0)[:4]}"
        created = world.today - timedelta(days=chance.random.random() * 365 * (YEARS - 2) + 400)
        yield first + number, chance.uid(), name, name, chance.random.random() < 0.005, created


def releases(world: World) -> Iterator[tuple[Any, ...]]:
    """Each project's history with its links, and on the way owners, places and sums of links."""
    release_id = world.first["releases"]
    for number, count in enumerate(world.releases_of):
        project_id = world.first["projects"] + number
        owner = _member(world, 20, mixed=True)
        began, step = _pace(world, count)
        urls = _urls(world, owner, project_id)
        turn = count // 2 if len(urls) > 1 else count
        dates = [began + step * index for index in range(count)]
        _remember(world, project_id, owner, urls, release_id, dates, turn)
        shown = [f'[["Source", "{url}"], ["Documentation", "https://docs.example.org"]]' for url, *_place in urls]
        for index, at in enumerate(dates):
            text = shown[index >= turn] if urls else '[["Documentation", "https://docs.example.org"]]'
            yield release_id, project_id, f"{index // 10}.{index % 10}", at, text, bool(urls)
            release_id += 1


def _member(world: World, flat: float, *, mixed: bool = False) -> int:
    """The place of an account outside the desk's staff; some far more often than others."""
    pick = world.chance.scattered if mixed else world.chance.zipf
    return world.staff + pick(world.sizes.users - world.staff, flat)


def _pace(world: World, count: int) -> tuple[datetime, timedelta]:
    """When the first release came out, and how far the others are apart."""
    span = timedelta(days=world.chance.random.random() * 365 * (YEARS - 3) + 60)
    began = world.today - span - timedelta(days=31)
    return began, span / count


def _urls(world: World, owner: int, project_id: int) -> list[tuple[str, str, str, str]]:
    """The repositories a project names one after the other, as (URL, host, owner, repository); often one, or none."""
    chance = world.chance
    if chance.random.random() < WITHOUT_REPOSITORY:
        return []
    found = []
    for _ in range(2 if chance.random.random() < MOVED else 1):
        host = chance.one_of(HOSTS)
        own = chance.random.random() < OWN_NAME
        namespace = world.names[owner] if own else f"org{chance.zipf(max(world.sizes.projects // 8, 1), 20)}"
        repository = {"launchpad.net": namespace, "sourceforge.net": "code"}.get(host, f"repo{project_id}")
        url = HUBS.get(host, f"https://{host}/{{0}}/{repository}").format(namespace)
        found.append((url, host, namespace, repository))
    return found if len(found) < 2 or found[0] != found[1] else found[:1]


def _remember(
    world: World,
    project_id: int,
    owner: int,
    urls: list[tuple[str, str, str, str]],
    release_id: int,
    dates: list[datetime],
    turn: int,
) -> None:
    """Sum up the links, and keep of the project what tickets need."""
    spans = [(0, turn - 1), (turn, len(dates) - 1)]
    places = []
    for (url, host, namespace, repository), (start, end) in zip(urls, spans, strict=False):
        if end < start:
            continue
        places.append((url, host, namespace, f"{start // 10}.{start % 10}", dates[start]))
        world.links.append(
            (project_id, "label", "Source", url, host, namespace, repository,
             dates[start], release_id + start, dates[end], release_id + end)
        )  # fmt: skip
    world.projects.append(Project(project_id, owner, tuple(places)))


def roles(world: World) -> Iterator[tuple[Any, ...]]:
    """The owner of each project, and for one in five somebody else as well."""
    since = world.today - timedelta(days=365 * YEARS)
    for project in world.projects:
        yield world.first["users"] + project.owner, project.id, Role.Kind.OWNER.value, since, since
        if world.chance.random.random() < 0.2:
            other = _member(world, 200)
            if other != project.owner:
                kind = Role.Kind.OWNER if world.chance.random.random() < 0.5 else Role.Kind.MAINTAINER
                yield world.first["users"] + other, project.id, kind.value, since, since
