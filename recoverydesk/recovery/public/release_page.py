"""A release for the people of its project: what it is, who uploaded it, and the ways to withdraw it.

The verbs decide who may (recoverydesk/projects/withdrawals.py). Everybody else reads the public page of the project,
which has the same release without names and tokens: one page for one thing, and no address that tells who has a role.
"""

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.step_up import may_change_account
from accounts.visitor import account_of
from audit.log import origin_of
from common.clock import database_now
from common.numbers import whole_number
from recoverydesk.projects import names, showing, uploaders, withdrawals
from recoverydesk.projects.models import File, Release, Role
from recoverydesk.recovery.public.private_page import private


class NotTyped(withdrawals.ReleaseError):
    """What is deleted for ever is typed first, so that nobody does it by a slip."""

    message = _("The name does not match. Type it exactly as the page shows it. Nothing was deleted.")


@private
def release_page(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """POST with a recent second factor: `yank` with a `reason`, `unyank` or `delete`, of a `file` or of the release."""
    found = Release.objects.select_related("project").filter(project__normalized_name=names.normalize(name))
    release = get_object_or_404(found, version=version)
    role = _role(request, release)
    if request.method == "POST":
        return _answer(request, release, role)
    if role is None:
        return _public_page(release)
    return render(request, "projects/release.html", _page(request, release, role))


def _role(request: HttpRequest, release: Release) -> Role | None:
    """The role the visitor accepted in the project, on hold or not."""
    if not isinstance(request.user, User):
        return None
    return Role.objects.filter(project=release.project, user=request.user, accepted_at__isnull=False).first()


def _public_page(release: Release) -> HttpResponse:
    if release.deleted_at:
        raise Http404
    page = reverse("project", args=[release.project.normalized_name])
    return redirect(f"{page}?{urlencode({'version': release.version})}")


def _answer(request: HttpRequest, release: Release, role: Role | None) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect_to_login(request.path)
    if role is None:
        raise Http404
    if not may_change_account(request):
        raise ReauthenticationRequired
    try:
        messages.success(request, _change(request, release))
    except withdrawals.ReleaseError as refusal:
        messages.error(request, str(refusal))
    return redirect("release", release.project.normalized_name, release.version)


def _change(request: HttpRequest, release: Release) -> str:
    form, actor, origin = request.POST, account_of(request), origin_of(request)
    what = _what(form.get("file"), release)
    if "yank" in form:
        withdrawals.yank(what, actor=actor, reason=form.get("reason", ""), origin=origin)
        return _("%(what)s is yanked.") % {"what": what}
    if "unyank" in form:
        withdrawals.unyank(what, actor=actor, origin=origin)
        return _("%(what)s is no longer yanked.") % {"what": what}
    if "delete" not in form:
        raise withdrawals.ReleaseError
    if " ".join(form.get("typed", "").split()) != typed_for(what):
        raise NotTyped
    withdrawals.delete(what, actor=actor, origin=origin)
    return _("%(what)s is deleted.") % {"what": what}


def _what(number: str | None, release: Release) -> Release | File:
    """The release, or the file of it that was named. Raises ReleaseGone for any other."""
    if number is None:
        return release
    file = release.files.filter(pk=whole_number(number) or 0).first()
    if file is None:
        raise withdrawals.ReleaseGone
    return file


def typed_for(what: Release | File) -> str:
    """What its owner types to delete it."""
    return what.filename if isinstance(what, File) else f"{what.project.name} {what.version}"


def _page(request: HttpRequest, release: Release, role: Role) -> dict[str, Any]:
    """About ten queries, however much the project has."""
    files = Paginator(release.files.order_by("deleted_at", "-packagetype", "filename"), showing.MOST_FILES)
    page, now = files.get_page(request.GET.get("page", "")), database_now()
    by = uploaders.of_release(release, tokens=uploaders.shows_origins(role, account_of(request), now))
    owns = role.kind == Role.Kind.OWNER
    return {
        "project": release.project,
        "release": release,
        "role": role,
        "page": page,
        "rows": [(file, by.get(file.filename), owns and now < withdrawals.deletable_until(file)) for file in page],
        "typed": typed_for(release),
        "owns": owns,
        "deletable_until": withdrawals.deletable_until(release),
        "deletable": owns and now < withdrawals.deletable_until(release),
    }
