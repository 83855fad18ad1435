"""Builds the whole registry, table after table, in one transaction."""

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db import models, transaction

from accounts import codes, keys
from accounts.clock import database_now
from accounts.devices import TOTP_PURPOSE, TotpDevice
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.projects import models as projects
from recoverydesk.recovery.models import Boundary, Probe, RecoveryTicket
from recoverydesk.recovery.populating import loading, registry, tickets
from recoverydesk.recovery.populating.chance import Chance
from recoverydesk.recovery.populating.registry import Sizes, World

Started = Callable[[str], loading.Tell]
FIRST: dict[str, type[models.Model]] = {
    "users": User, "projects": projects.Project, "releases": projects.Release, "tickets": RecoveryTicket,
    "boundaries": Boundary, "probes": Probe,
}  # fmt: skip


class NothingToOwn(ValueError):
    """Projects and tickets need users, releases need projects."""


def build(sizes: Sizes, *, seed: int, started: Started) -> dict[str, int]:
    """Write a registry of these sizes beside what there is; return how many rows each table got.

    The same seed on the same database gives the same rows on the same day (UTC), keys aside. `started` hears each
    table's name and returns what hears of its rows. Raises NothingToOwn.
    """
    if (sizes.projects or sizes.tickets or sizes.events) and not sizes.users or sizes.releases and not sizes.projects:
        raise NothingToOwn
    today = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        first = {name: loading.next_id(model) for name, model in FIRST.items()}
        world = World(sizes, Chance(f"{seed} from {first['users']}"), today, first)
        done = {}
        for name, model, columns, rows in _tables(world):
            done[name] = loading.load(model, columns, rows, started(name))
        _make_staff(world)
        loading.reset_sequences(*FIRST.values())
    loading.analyze()
    return done


def _tables(world: World) -> Iterator[tuple[str, type[models.Model], tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Each table in an order in which nothing names what is not there yet."""
    secret = keys.encrypt(TOTP_PURPOSE, secrets.token_bytes(codes.SECRET_BYTES))
    yield "users", User, registry.USER, registry.users(world)
    yield "addresses", EmailAddress, registry.ADDRESS, registry.addresses(world)
    yield "apps", TotpDevice, registry.TOTP, registry.apps(world, secret)
    yield "projects", projects.Project, registry.PROJECT, registry.projects(world)
    yield "releases", projects.Release, registry.RELEASE, registry.releases(world)
    yield "links", projects.RepositoryLink, registry.LINK, iter(world.links)
    yield "roles", projects.Role, registry.ROLE, registry.roles(world)
    planned = tickets.plan(world)
    yield "tickets", RecoveryTicket, tickets.TICKET, tickets.tickets(world, planned, keys.current_key_id())
    yield "boundaries", Boundary, tickets.BOUNDARY, tickets.boundaries(world, planned)
    yield "probes", Probe, tickets.PROBE, tickets.probes(world, planned)
    yield "mails", Mail, tickets.MAIL, tickets.mails(world, planned)
    yield "events", Event, tickets.EVENT, tickets.events(world, planned)


def _make_staff(world: World) -> None:
    """The first five accounts work the desk. Like all the others they have no password."""
    first = world.first["users"]
    staff = User.objects.filter(pk__in=range(first, first + tickets.STAFF))
    staff.update(is_staff=True, staff_since=world.today - timedelta(days=365))
