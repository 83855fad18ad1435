"""For whom a publisher's token acts: in each project for whoever added the publisher of that project, as it is now."""

from dataclasses import replace

from django.db.models import QuerySet

from recoverydesk.projects import names
from recoverydesk.projects.models import Project
from recoverydesk.publishers import verbs
from recoverydesk.publishers.models import Publisher
from tokens.checking import Opened, TokenRefused, account_problem

CONTESTED = (
    "Publishers of several accounts wait for this workflow and the name {}. We cannot tell whose the project would be. "
    "Publish its first release with an API token, or choose another name."
)


def acting(token: Opened, name: str) -> Opened:
    """The token as it acts in the project of this name, there or not. Raises TokenRefused.

    Whoever uploads asks for the role of the account, as for every token.
    """
    if not token.row.publishers:
        return token
    name = names.normalize(name)
    mine = _rows(token)
    rows = list(mine.filter(project__normalized_name=name)) or list(mine.filter(project=None, wanted=name))
    return _as(token, rows, name)


def acting_in(token: Opened, project: Project) -> Opened:
    """Ask again under the project's lock: what waited for its name is its publisher now, or does not act.

    Raises TokenRefused, too, where the token acts for somebody else by now.
    """
    if not token.row.publishers:
        return token
    verbs.first_release(project, token.row, token.user)
    again = _as(token, list(_rows(token).filter(project=project)), project.normalized_name)
    if again.user != token.user:
        raise TokenRefused("the trusted publisher was taken over: ask for a new token")
    return again


def _rows(token: Opened) -> QuerySet[Publisher]:
    rows = Publisher.objects.select_related("added_by").filter(pk__in=token.row.publishers)
    return rows.order_by("created_at", "id")


def _as(token: Opened, rows: list[Publisher], name: str) -> Opened:
    contested = verbs.contested(rows)
    problems = {row: CONTESTED.format(row.wanted) if row.pk in contested else _problem(row) for row in rows}
    user = next((row.added_by for row in rows if not problems[row]), None)
    if user is None:
        raise TokenRefused(
            next(iter(problems.values()), f"its trusted publisher is none of the project: {name[:100]!r}")
        )
    return replace(token, acts_for=user)


def _problem(row: Publisher) -> str:
    return "its trusted publisher is on hold" if row.held_at else account_problem(row.added_by)
