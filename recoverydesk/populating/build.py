"""Builds the whole registry, table after table, in one transaction."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from allauth.account.models import EmailAddress
from django.db import models, transaction

from accounts import codes
from accounts.devices import TOTP_PURPOSE, TotpDevice
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from common import keys
from common.clock import database_now
from recoverydesk.populating import loading, registry, stories, tickets
from recoverydesk.populating.bare import bare
from recoverydesk.populating.chance import Chance
from recoverydesk.populating.registry import Sizes, World
from recoverydesk.projects import models as projects
from recoverydesk.recovery.models import Boundary, Probe, RecoveryTicket

Started = Callable[[str], loading.Tell]
FIRST: dict[str, type[models.Model]] = {
    "users": User, "projects": projects.Project, "releases": projects.Release, "tickets": RecoveryTicket,
    "boundaries": Boundary, "probes": Probe,
}  # fmt: skip
TABLES: tuple[type[models.Model], ...] = (
    *FIRST.values(), EmailAddress, TotpDevice, projects.RepositoryLink, projects.Role, Mail, Event,
)  # fmt: skip


class NothingToOwn(ValueError):
    """Projects and events need users, tickets somebody to ask and somebody to answer, releases projects."""


def build(sizes: Sizes, *, seed: int, started: Started) -> dict[str, int]:
    """Write a registry of these sizes beside what there is; return how many rows each table got.

    The same seed on the same database gives the same rows on the same day (UTC), keys aside. `started` hears each
    table's name and returns what hears of its rows. Raises NothingToOwn.
    """
    if _lacks_owners(sizes):
        raise NothingToOwn
    today = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        first = {name: loading.next_id(model) for name, model in FIRST.items()}
        world = World(sizes, Chance(f"{seed} from {first['users']}"), today, first)
        done = {}
        with bare(TABLES):
            for name, model, columns, rows in _tables(world):
                done[name] = loading.load(model, columns, rows, started(name))
        loading.reset_sequences(*FIRST.values())
    loading.analyze()
    return done


def _lacks_owners(sizes: Sizes) -> bool:
    nobody = (sizes.projects or sizes.events) and not sizes.users
    return bool(nobody or sizes.tickets and sizes.users < 2 or sizes.releases and not sizes.projects)


def _tables(world: World) -> Iterator[tuple[str, type[models.Model], tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Each table in an order in which nothing names what is not there yet."""
    secret = keys.encrypt(TOTP_PURPOSE, secrets.token_bytes(codes.SECRET_BYTES))
    yield "users", User, registry.USER, registry.users(world)
    yield "addresses", EmailAddress, registry.ADDRESS, registry.addresses(world)
    yield "projects", projects.Project, registry.PROJECT, registry.projects(world)
    yield "releases", projects.Release, registry.RELEASE, registry.releases(world)
    yield "links", projects.RepositoryLink, registry.LINK, iter(world.links)
    yield "roles", projects.Role, registry.ROLE, registry.roles(world)
    planned = tickets.plan(world)
    yield "apps", TotpDevice, registry.TOTP, registry.apps(world, secret, tickets.resets(planned))
    yield "tickets", RecoveryTicket, tickets.TICKET, tickets.tickets(world, planned, keys.current_key_id())
    yield "boundaries", Boundary, tickets.BOUNDARY, tickets.boundaries(world, planned)
    yield "probes", Probe, tickets.PROBE, tickets.probes(world, planned)
    yield "mails", Mail, stories.MAIL, stories.mails(world, planned)
    yield "events", Event, stories.EVENT, stories.events(world, planned)
