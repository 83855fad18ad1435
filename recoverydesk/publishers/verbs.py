"""Which workflow may publish: add, remove, keep. Owners decide for a project, everybody for their own new names.

A publisher acts for the account that added it, and for nobody when that account may not publish itself (minting.py).
Every change of a project's is an event and a mail to all its owners; none is made in quarantine (design rule 9).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import locked
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guards, holds, incidents, names, roles
from recoverydesk.projects.models import Project
from recoverydesk.publishers import letters, shapes
from recoverydesk.publishers.issuers import Issuer
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from tokens import services as tokens
from tokens.models import ApiToken

MOST, MOST_WAITING = 20, 3  # of one project; of one account, for names that are not there yet


class PublisherError(Exception):
    """A verb of publishers was refused; nothing changed. `message` says why."""

    message: str | Promise = _(
        "You cannot do this with this trusted publisher now. Open the page again to see its state."
    )

    def __str__(self) -> str:
        return str(self.message)


class NotOwner(PublisherError):
    message = _("Only an owner of the project may do this.")


class InQuarantine(PublisherError):
    message = _(
        "Your account was recovered. You cannot change trusted publishers until the limits of your account end."
    )


class NotReady(PublisherError):
    """The guards of the project, or of the site, ask for a second factor that this person has not got."""

    def __init__(self, what: str) -> None:
        self.message = what


class Known(PublisherError):
    message = _("This trusted publisher is there already.")


class TooMany(PublisherError):
    message = _("There are too many trusted publishers. Remove one first.")


class NameTaken(PublisherError):
    message = _(
        "There is a project of this name, or of a similar one. Its owners add trusted publishers on its settings page."
    )


class NoName(PublisherError):
    message = _("A project name has only letters, digits, dots, hyphens and underscores.")


class Incident(PublisherError):
    message = _("A release may be malicious. What is on hold stays on hold until our staff end the incident.")


class Gone(PublisherError):
    message = _("This trusted publisher is not there any more.")


@transaction.atomic
def add(
    project: Project, issuer: Issuer, workflow: Workflow, *, actor: User, origin: RequestOrigin | None = None
) -> Publisher:
    """Let this workflow publish the project. Raises NotOwner, InQuarantine, NotReady, TooMany or Known.

    Where the project knows the repository's numbers, they bind this one, too.
    """
    actor = locked(actor)  # a reset that is under way comes first, or after
    Project.objects.select_for_update().get(pk=project.pk)
    _refuse(project, actor)
    if project.publishers.count() >= MOST:
        raise TooMany
    row = _row(issuer, workflow, actor)
    if project.publishers.filter(key=row.key, environment__iexact=row.environment).exists():
        raise Known
    _bind_as_others(project, row)
    row.project = project
    row.save(force_insert=True)
    event = record(Tag.PROJECT_PUBLISHER_ADD, actor=actor, project=project, origin=origin, **described(row))
    letters.tell(project, actor, "added", event.id)
    return row


@transaction.atomic
def add_for_new(
    name: str, issuer: Issuer, workflow: Workflow, *, actor: User, origin: RequestOrigin | None = None
) -> Publisher:
    """Let this workflow publish the first release of a name nobody has. It reserves nothing.

    Raises NoName, NameTaken, InQuarantine, NotReady, TooMany or Known.
    """
    actor = locked(actor)
    if not names.is_valid(name):
        raise NoName
    if roles.in_quarantine(actor):
        raise InQuarantine
    _refuse_unready(None, actor)
    if Project.objects.looking_like(name).exists():
        raise NameTaken
    waiting = Publisher.objects.filter(added_by=actor, project=None)
    if waiting.count() >= MOST_WAITING:
        raise TooMany
    row = _row(issuer, workflow, actor)
    row.wanted = names.normalize(name)
    if waiting.filter(key=row.key, environment__iexact=row.environment, wanted=row.wanted).exists():
        raise Known
    row.save(force_insert=True)
    record(Tag.ACCOUNT_PUBLISHER_ADD, actor=actor, subject=actor, origin=origin, name=row.wanted, **described(row))
    return row


@transaction.atomic
def remove(publisher: Publisher, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """Take it away, and what tokens it has. Raises Gone, NotOwner, InQuarantine or NotReady."""
    actor = locked(actor)
    row = _again(publisher)
    if row.project is None:
        if row.added_by_id != actor.pk:
            raise NotOwner
    else:
        _refuse(row.project, actor)
    _remove(row, actor=actor, origin=origin)


def _remove(row: Publisher, *, actor: User | str, origin: RequestOrigin | None = None, reason: str = "") -> None:
    _end_tokens([row], actor=actor, reason="its trusted publisher was removed")
    project, subject, about = row.project, row.added_by, described(row)
    tag = Tag.PROJECT_PUBLISHER_REMOVE if project else Tag.ACCOUNT_PUBLISHER_REMOVE
    event = record(tag, actor=actor, subject=subject, project=project, origin=origin, reason=reason, **about)
    if project:
        letters.tell(project, actor, "removed", event.id)
    row.delete()


@transaction.atomic
def keep(publisher: Publisher, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """From now on it acts for `actor`, and is not on hold: its own account says so after a recovery, or another owner.

    Raises Gone, also for one of one's own that is not on hold, NotOwner, InQuarantine, NotReady or Incident.
    """
    actor = locked(actor)
    row = _again(publisher)
    if incidents.touching(actor).exists():
        raise Incident
    if row.added_by_id != actor.pk:
        if row.project is None:
            raise NotOwner
        _refuse(row.project, actor)
        _end_tokens([row], actor=actor, reason="its trusted publisher was taken over")
    elif row.held_at is None:
        raise Gone
    row.held_at, row.added_by = None, actor
    row.save(update_fields=["held_at", "added_by"])
    event = record(
        Tag.PROJECT_PUBLISHER_KEEP, actor=actor, subject=actor, project=row.project, origin=origin, **described(row)
    )
    if row.project:
        letters.tell(row.project, actor, "kept", event.id)


@transaction.atomic
def hold_all(user: User, *, actor: Party | str, ticket: int | None = None) -> int:
    """Put everything that acts for `user` on hold, as a reset does with tokens (rule 8); returns how many that were."""
    rows = list(Publisher.objects.select_for_update().filter(added_by=user, held_at=None).order_by("created_at", "id"))
    if rows:
        Publisher.objects.filter(pk__in=[row.pk for row in rows]).update(held_at=database_now())
        ids = [str(row.pk) for row in rows]
        record(Tag.ACCOUNT_PUBLISHER_HOLD, actor=actor, subject=user, ticket=ticket, count=len(rows), publishers=ids)
    _end_tokens(rows, actor=actor, reason="its trusted publisher was put on hold", user=user)
    return len(rows)


@transaction.atomic
def remove_all(user: User, *, actor: User | str, reason: str) -> int:
    """Take away what acts for an account that is deleted."""
    rows = list(Publisher.objects.select_for_update(of=("self",)).select_related("project").filter(added_by=user))
    for row in rows:
        _remove(row, actor=actor, reason=reason)
    return len(rows)


@transaction.atomic
def remove_held(publisher: Publisher, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """Its account says after a recovery that it goes, in quarantine too. Raises Gone where it acts or is not theirs."""
    actor = locked(actor)
    row = _again(publisher)
    if row.added_by_id != actor.pk or row.held_at is None:
        raise Gone
    _remove(row, actor=actor, origin=origin, reason="after a recovery")


def end_held(row: Publisher) -> None:
    """Nobody kept it in time. The caller holds its lock."""
    _remove(row, actor="system", reason="on hold and not kept within 7 days")


def first_release(project: Project, token: ApiToken, user: User) -> None:
    """This token made the project for `user`: what waited for its name and got the token is its publisher now.

    Where somebody else made it meanwhile, its owners decide, whatever role the account has there.
    """
    waiting = Publisher.objects.filter(pk__in=token.publishers, project=None, wanted=project.normalized_name)
    rows = list(waiting.filter(added_by=user).order_by("created_at", "id"))
    if not (rows and holds.acting_owners().filter(project=project, user=user).exists()):
        return
    for row in rows:
        same = project.publishers.filter(key=row.key, environment__iexact=row.environment).first()
        if same:
            _give_way(row, same, token)
            continue
        row.project, row.wanted = project, ""
        row.save(update_fields=["project", "wanted"])
        event = record(Tag.PROJECT_PUBLISHER_ADD, actor=user, project=project, token=token.id, **described(row))
        letters.tell(project, user, "added", event.id)


def _give_way(row: Publisher, same: Publisher, token: ApiToken) -> None:
    """The project has this publisher already: it has the token, unless it is bound to another repository."""
    if not same.pinned_at or (same.owner_id, same.repository_id) == (row.owner_id, row.repository_id):
        token.publishers = [*token.publishers, str(same.pk)]
        token.save(update_fields=["publishers"])
    _remove(row, actor=row.added_by, reason="the project has this publisher already")


def contested(rows: Iterable[Publisher]) -> set[UUID]:
    """Those that wait for a name for which somebody else has the same workflow wait: nobody knows whose it is."""
    waiting = [row for row in rows if row.project_id is None]
    if not waiting:
        return set()
    accounts = defaultdict(set)
    names_too = Publisher.objects.filter(
        project=None, key__in={row.key for row in waiting}, wanted__in={row.wanted for row in waiting}
    )
    for key, wanted, user in names_too.values_list("key", "wanted", "added_by"):
        accounts[key, wanted].add(user)
    return {row.pk for row in waiting if len(accounts[row.key, row.wanted]) > 1}


def described(row: Publisher) -> dict[str, Any]:
    """What events keep of a publisher."""
    return {
        "id": str(row.pk),
        "issuer": row.issuer,
        "publisher": str(row),
        "workflow": row.workflow,
        "wanted_environment": row.environment,
    }


def _row(issuer: Issuer, workflow: Workflow, actor: User) -> Publisher:
    return Publisher(
        issuer=issuer.url,
        repository=workflow.repository,
        workflow=workflow.file,
        environment=workflow.environment,
        claims=[list(pair) for pair in workflow.claims],
        key=shapes.key(issuer, workflow),
        added_by=actor,
        created_at=database_now(),
    )


def _refuse(project: Project, actor: User) -> None:
    if not holds.acting_owners().filter(project=project, user=actor, user__frozen_at=None).exists():
        raise NotOwner
    if roles.in_quarantine(actor):
        raise InQuarantine
    _refuse_unready(project, actor)


def _refuse_unready(project: Project | None, actor: User) -> None:
    """A publisher publishes for the account: what the guard asks of the account it asks before, too."""
    if what := guards.lacks(project, actor):
        raise NotReady(what)


def _again(publisher: Publisher) -> Publisher:
    """The row as it is now, locked."""
    rows = Publisher.objects.select_for_update(of=("self",)).select_related("project", "added_by")
    row = rows.filter(pk=publisher.pk).first()
    if row is None:
        raise Gone
    return row


def _bind_as_others(project: Project, row: Publisher) -> None:
    """One name of a repository has one pair of numbers in a project. Raises nothing: mints refuse what differs."""
    bound = project.publishers.filter(issuer=row.issuer, repository__iexact=row.repository, pinned_at__isnull=False)
    if row.repository and (known := bound.order_by("pinned_at").first()):
        row.pinned_at, row.owner_id, row.repository_id = known.pinned_at, known.owner_id, known.repository_id


def _end_tokens(rows: list[Publisher], *, actor: Party | str, reason: str, user: User | None = None) -> None:
    """Revoke the tokens of the last minutes that these got and no other that acts, and all of `user`'s own.

    A token that others got, too, goes on for their projects: an upload asks for the publisher (acting.py), and nobody
    ends the tokens of somebody else by a publisher of their own.
    """
    ids = {str(row.pk) for row in rows}
    live = list(ApiToken.objects.live().of_publishers())
    owned = [one for one in live if user and one.user_id == user.pk]
    theirs = [one for one in live if ids & set(one.publishers)]
    others = {other for one in theirs for other in one.publishers} - ids
    acting = {str(pk) for pk in Publisher.objects.filter(pk__in=others, held_at=None).values_list("pk", flat=True)}
    ending = [one for one in theirs if not acting & set(one.publishers)]
    tokens.revoke([*owned, *ending], actor=actor, reason=reason)
