"""From a workflow's signed statement to a token of 15 minutes for the projects it publishes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guards
from recoverydesk.projects.models import Project, Role
from recoverydesk.projects.roles import in_quarantine
from recoverydesk.publishers import id_tokens, letters, shapes, verbs
from recoverydesk.publishers.acting import CONTESTED
from recoverydesk.publishers.id_tokens import BadToken, Checked
from recoverydesk.publishers.issuers import Issuer
from recoverydesk.publishers.models import Publisher, UsedIdToken
from recoverydesk.publishers.shapes import Unfit, Workflow
from tokens import caveats, services
from tokens.checking import account_problem

LASTS = timedelta(minutes=15)
ACTOR = "trusted publisher"
MOST, MOST_READ = 50, 1_000  # publishers that one token covers, so that it fits into a header; rows that are looked at
AGAIN = "If that is right, an owner of the project removes every publisher of this repository there and adds it again."


@dataclass(frozen=True)
class Swapped:
    """The token, and when it ends (seconds since 1970)."""

    text: str
    expires: int


def swap(text: str, *, origin: RequestOrigin) -> Swapped:
    """Check the statement, then make a token for every project whose publisher it is. Raises BadToken or Unfit.

    The projects can be of several accounts: acting.py says at each upload for which of them the token acts.
    """
    checked = id_tokens.check(text)  # may ask the issuer: outside of any transaction
    workflow = shapes.workflow_of(checked.issuer, checked.claims)
    chosen = _chosen(checked.issuer, workflow)
    with transaction.atomic():
        users = User.objects.select_for_update().filter(pk__in={row.added_by_id for row in chosen})
        accounts = {user.pk: user for user in users.order_by("pk")}
        found = _rows().select_for_update(of=("self",)).filter(pk__in=[row.pk for row in chosen])
        rows = [row for row in found if row.added_by_id in accounts]
        return _swapped(checked, workflow, _fitting(checked.issuer, workflow, rows), origin)


def _rows() -> QuerySet[Publisher]:
    return Publisher.objects.select_related("project", "added_by").order_by("created_at", "id")


def _chosen(issuer: Issuer, workflow: Workflow) -> list[Publisher]:
    """At most MOST, the accounts in turn, so that nobody's publishers push out those of somebody else.

    Raises Unfit where what the rows say themselves stops each.
    """
    every = _rows().filter(key=shapes.key(issuer, workflow), issuer=issuer.url)
    matching = every.filter(Q(environment="") | Q(environment__iexact=workflow.environment))  # two of a project at most
    found = list(matching[:MOST_READ]) or list(every[:1])
    problems = {row: _own_problem(issuer, workflow, row) for row in found}
    if all(problems.values()):
        nobody = f"No project has a trusted publisher for {_named(issuer, workflow)}."
        raise Unfit("invalid-publisher", next(iter(problems.values()), nobody))
    turns: Counter[int] = Counter()
    ranked = []
    for row in sorted((row for row in found if not problems[row]), key=_age):
        ranked.append((turns[row.added_by_id], row))
        turns[row.added_by_id] += 1
    return [row for _, row in sorted(ranked, key=lambda one: one[0])[:MOST]]


def _age(row: Publisher) -> tuple[bool, bool, datetime]:
    """Projects that are there come before names that are not, bound ones first, and the oldest of these."""
    return row.project is None, row.pinned_at is None, row.pinned_at or row.created_at


def _fitting(issuer: Issuer, workflow: Workflow, rows: Sequence[Publisher]) -> list[Publisher]:
    """Those that may act now, the first first. Raises Unfit with what is wrong with the first where there is none."""
    known = _Known(
        {user: account_problem(user) for user in {row.added_by for row in rows}},
        {user: guards.lacks_of(user) for user in {row.added_by for row in rows}},
        _acting_roles(rows),
        _bound_otherwise(issuer, workflow, rows),
        verbs.contested(rows),
    )
    problems = {row: _own_problem(issuer, workflow, row) or _problem(row, known) for row in sorted(rows, key=_age)}
    fitting = [row for row in problems if not problems[row]]
    if not fitting:
        raise Unfit("invalid-publisher", next(iter(problems.values()), "The publisher was removed meanwhile."))
    return fitting


@dataclass(frozen=True)
class _Known:
    """What is asked once for all the publishers of a statement."""

    accounts: dict[User, str]
    lacks: dict[User, Callable[[Project | None], str]]
    roles: set[tuple[int, int]]
    bound_otherwise: dict[int, str]
    contested: set[UUID]


def _acting_roles(rows: Sequence[Publisher]) -> set[tuple[int, int]]:
    roles = Role.objects.filter(accepted_at__isnull=False, held_at=None, user__in={row.added_by_id for row in rows})
    places = {row.project_id for row in rows if row.project_id}
    return set(roles.filter(project__in=places).values_list("user_id", "project_id"))


def _bound_otherwise(issuer: Issuer, workflow: Workflow, rows: Sequence[Publisher]) -> dict[int, str]:
    """Projects that know another repository of this name, each with its number: one binds for all of the project."""
    if not workflow.repository:
        return {}
    places = {row.project_id for row in rows if row.project_id}
    bound = Publisher.objects.filter(project__in=places, issuer=issuer.url, pinned_at__isnull=False)
    bound = bound.filter(repository__iexact=workflow.repository)
    others = bound.exclude(owner_id=workflow.owner_id, repository_id=workflow.repository_id)
    return {row.project_id: row.repository_id for row in others if row.project_id}


def _named(issuer: Issuer, workflow: Workflow) -> str:
    if workflow.repository:
        return f"the repository {workflow.repository} at {issuer.place} and the workflow {workflow.file}"
    return f"{issuer.place} and " + ", ".join(f"{name}={value[:100]}" for name, value in workflow.claims)


def _own_problem(issuer: Issuer, workflow: Workflow, row: Publisher) -> str:
    """Why this publisher does not act, as far as its row says, or ""."""
    if not shapes.same_environment(issuer, row.environment, workflow.environment):
        given = workflow.environment or "none"
        return f"The publisher wants the environment {row.environment}; the job runs in {given}."
    if row.pinned_at and (row.owner_id, row.repository_id) != (workflow.owner_id, workflow.repository_id):
        return (
            f"The publisher is bound to the repository with the number {row.repository_id}, of the owner with the "
            f"number {row.owner_id}. This is repository {workflow.repository_id} of owner {workflow.owner_id}, with "
            f"the same name. {AGAIN}"
        )
    if row.held_at:
        return "The publisher is on hold after a recovery. Whoever added it keeps it, or another owner takes it over."
    return ""


def _problem(row: Publisher, known: _Known) -> str:
    """Why this publisher does not act, as far as other rows say, or ""."""
    if problem := known.accounts[row.added_by]:
        return problem
    if lacks := known.lacks[row.added_by](row.project):
        return f"The publisher acts for '{row.added_by.username}'. {lacks}"
    if row.project_id is None:
        return CONTESTED.format(row.wanted) if row.pk in known.contested else _name_problem(row)
    if (row.added_by_id, row.project_id) not in known.roles:
        return (
            f"The publisher acts for '{row.added_by.username}', whose role in {row.project} ended or is on hold. An "
            "owner takes it over on the project's page of publishers."
        )
    if number := known.bound_otherwise.get(row.project_id):
        return f"Another publisher of {row.project} is bound to the repository with the number {number}. {AGAIN}"
    return ""


def _name_problem(row: Publisher) -> str:
    if Project.objects.looking_like(row.wanted).exists():
        return f"There is a project {row.wanted} meanwhile, or one that looks like it. Choose another name."
    return "The account was recovered: no new projects until its limits end." if in_quarantine(row.added_by) else ""


def _swapped(checked: Checked, workflow: Workflow, rows: Sequence[Publisher], origin: RequestOrigin) -> Swapped:
    if not UsedIdToken.objects.get_or_create(digest=checked.digest, defaults={"expires_at": checked.expires_at})[1]:
        raise BadToken("The token was used already. Ask for a new one for each job.", "invalid-reuse-token")
    targets = list(dict.fromkeys(_target(row) for row in rows))  # two of one project: with and without environment
    name = f"{rows[0]} {rows[0].workflow}".strip()
    minted = services.mint_for_publishers(
        rows[0].added_by, [row.pk for row in rows], targets, name=name, lifetime=LASTS
    )
    bound = _bind(workflow, rows)
    for row in rows:
        _note(row, checked, workflow, minted, origin, bound=row in bound)
    assert minted.row.expires_at is not None
    return Swapped(minted.text, int(minted.row.expires_at.timestamp()))


def _bind(workflow: Workflow, rows: Sequence[Publisher]) -> list[Publisher]:
    """Bind publishers to the numbers they came with first; returns those that are bound by this."""
    now = database_now()
    new = [row for row in rows if row.pinned_at is None and workflow.repository_id]
    for row in rows:
        row.last_used_at = now
    for row in new:
        row.pinned_at, row.owner_id, row.repository_id = now, workflow.owner_id, workflow.repository_id
    Publisher.objects.bulk_update(rows, ["last_used_at", "pinned_at", "owner_id", "repository_id"])
    return new


def _target(row: Publisher) -> caveats.Project:
    if row.project is None:
        return caveats.Project(row.wanted, None)
    return caveats.Project(row.project.normalized_name, row.project.uid)


def _note(
    row: Publisher, checked: Checked, workflow: Workflow, minted: services.Minted, origin: RequestOrigin, *, bound: bool
) -> None:
    """Write down the run, and tell the owners of what it binds."""
    event = record(
        Tag.PROJECT_PUBLISHER_TOKEN,
        actor=ACTOR,
        subject=row.added_by,
        project=row.project,
        token=minted.row.id,
        origin=origin,
        owner_id=workflow.owner_id,
        repository_id=workflow.repository_id,
        bound=bound,
        run=shapes.facts(checked.claims),
        **verbs.described(row),
    )
    if bound and row.project:
        letters.tell(row.project, ACTOR, "bound", event.id)
