"""The guards of a project: what its settings page shows of them, and the form behind it. The verbs decide who may."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import decisions, factors
from accounts.models import User
from accounts.step_up import may_change_account
from accounts.templatetags.accounts_tags import moment
from accounts.visitor import account_of
from audit.log import origin_of
from recoverydesk.projects import guard_changes, guards, names
from recoverydesk.projects.guard_levels import LEVELS, OFF, SECOND_FACTOR, strictest
from recoverydesk.projects.guards import Standing, Words
from recoverydesk.projects.models import GuardChange, Project, Role
from recoverydesk.recovery.public.private_page import private


@dataclass(frozen=True)
class Level:
    """One choice of a guard's form."""

    value: str
    words: Words


@dataclass(frozen=True)
class Row:
    """One guard as the page shows it. `planned_words` names the level that is planned; `begins` takes a day."""

    standing: Standing
    levels: list[Level]
    planned: GuardChange | None
    planned_words: str
    less_strict: bool
    begins: bool


def shown(project: Project, roles: Iterable[Role]) -> dict[str, Any]:
    """What the page says of guards: each of them, and who of these is not ready for the factor that is or will be
    asked."""
    planned = guard_changes.planned_for(project)
    rows = [_row(one, planned.get(one.guard.name)) for one in guards.standings(project)]
    coming = planned.get(SECOND_FACTOR)
    asked = [guards.value(project, SECOND_FACTOR), guards.announced(project), *([coming.value] if coming else [])]
    level = strictest(SECOND_FACTOR, asked)
    return {"guards": rows, "not_ready": _not_ready(roles, level), "asked": guards.words(SECOND_FACTOR, level)}


def _row(standing: Standing, planned: GuardChange | None) -> Row:
    name = standing.guard.name
    levels = [Level(value, guards.words(name, value)) for value in LEVELS[name]]
    words = guards.words(name, planned.value) if planned else ""
    less = planned is not None and guard_changes.is_less_strict(planned)
    return Row(standing, levels, planned, words, less, name == SECOND_FACTOR)


def _not_ready(roles: Iterable[Role], level: str) -> list[tuple[str, list[str]]]:
    """Username and kinds of factor of whoever lacks what this level asks, and nothing more. Two queries at most."""
    if level == OFF:
        return []
    people = {role.user_id: role.user for role in roles if role.accepted_at}
    kinds = factors.kinds(people)
    lacking = [pk for pk in people if not guards.meets(kinds[pk], level)]
    return sorted((people[pk].username, kinds[pk]) for pk in lacking)


@login_required
@private
def project_guards(request: HttpRequest, name: str) -> HttpResponse:
    """POST with a recent second factor: `guard` with its new `value` and perhaps `starts`, a day; or with `keep`."""
    user = account_of(request)
    accepted = Role.objects.filter(user=user, accepted_at__isnull=False)
    project = Project.objects.filter(normalized_name=names.normalize(name), roles__in=accepted).first()
    if project is None:
        raise Http404
    page = reverse("project_settings", args=[project.normalized_name]) + "#guards"
    if request.method != "POST":
        return redirect(page)
    if decisions.confirmed(request) is None and not may_change_account(request):
        raise ReauthenticationRequired
    try:
        messages.success(request, _change(request, user, project))
    except decisions.ConfirmationNeeded as needed:
        return decisions.ask_for_factor(request, needed, back=page)
    except guard_changes.GuardError as refusal:
        messages.error(request, str(refusal))
    return redirect(page)


def _change(request: HttpRequest, user: User, project: Project) -> str:
    form, origin = request.POST, origin_of(request)
    guard = form.get("guard", "")
    if "keep" in form:
        guard_changes.take_back(project, guard, actor=user, origin=origin)
        return _("You took the change back.")
    changed = guard_changes.set_guard(
        project, guard, form.get("value", ""), actor=user, starts=_day(form.get("starts", "")), origin=origin,
        confirmed=decisions.confirmed(request),
    )  # fmt: skip
    if not changed:
        return _("There is nothing to change: the guard has this level already, or a change to it is planned.")
    if planned := guard_changes.planned_for(project).get(guard):
        words = _("The change is planned for %(at)s. We told every owner. Until then, each of them can take it back.")
        return words % {"at": moment(planned.at)}
    return _("The guard is changed.")


def _day(typed: str) -> date | None:
    """A day as browsers send it; nothing for none. Raises UnfitDay."""
    try:
        return date.fromisoformat(typed.strip()) if typed.strip() else None
    except ValueError:
        raise guard_changes.UnfitDay from None
