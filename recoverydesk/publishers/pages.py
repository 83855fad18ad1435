"""The pages of trusted publishers: those of a project, and those that wait for a new project's name."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.step_up import may_change_account
from accounts.visitor import account_of
from audit.log import origin_of
from recoverydesk.projects import names
from recoverydesk.projects.models import Project, Role
from recoverydesk.publishers import verbs
from recoverydesk.publishers.forms import PublisherForm
from recoverydesk.publishers.issuers import Issuer
from recoverydesk.publishers.models import Publisher

read_or_write = require_http_methods(["GET", "HEAD", "POST"])
Add = Callable[[PublisherForm], Publisher]


@dataclass(frozen=True)
class Shown:
    """One publisher; `place` is where its issuer is, empty for one that the site no longer knows."""

    row: Publisher
    place: str
    kind: str
    acts: bool


@never_cache
@login_required
@read_or_write
def of_project(request: HttpRequest, name: str) -> HttpResponse:
    """List them, `add` one, `remove` or `keep` one. Whoever has no accepted role is told that there is no such page."""
    user = account_of(request)
    roles = Role.objects.filter(user=user, accepted_at__isnull=False).select_related("project")
    role = roles.filter(project__normalized_name=names.normalize(name)).first()
    if role is None:
        raise Http404
    project = role.project

    def add(form: PublisherForm) -> Publisher:
        return verbs.add(project, form.of, form.workflow, actor=user, origin=origin_of(request))

    rows = project.publishers.select_related("added_by").order_by("created_at", "id")
    forms = _forms(request, new=False)
    if request.method == "POST" and _post(request, user, forms, add):
        return redirect("project_publishers", project.normalized_name)
    acting = set(
        Role.objects.filter(project=project, accepted_at__isnull=False, held_at=None).values_list("user_id", flat=True)
    )
    page = {"project": project, "own": role, "user_id": user.pk, "forms": forms, "shown": _shown(list(rows), acting)}
    return render(request, "publishers/project.html", page)


@never_cache
@login_required
@read_or_write
def waiting(request: HttpRequest) -> HttpResponse:
    """Those of one's own for projects that are not there yet: `add`, `remove` or `keep` one."""
    user = account_of(request)

    def add(form: PublisherForm) -> Publisher:
        name = form.cleaned_data["project"]
        return verbs.add_for_new(name, form.of, form.workflow, actor=user, origin=origin_of(request))

    rows = Publisher.objects.filter(added_by=user, project=None).order_by("created_at", "id")
    forms = _forms(request, new=True)
    if request.method == "POST" and _post(request, user, forms, add):
        return redirect("account_publishers")
    taken = {row.pk for row in rows if Project.objects.looking_like(row.wanted).exists()}
    page = {
        "forms": forms, "shown": _shown(list(rows), {user.pk}), "taken": taken, "contested": verbs.contested(rows),
    }  # fmt: skip
    return render(request, "publishers/waiting.html", page)


def _forms(request: HttpRequest, *, new: bool) -> list[PublisherForm]:
    """One for each issuer; the one that was sent holds what was typed."""
    return [_form(request, issuer, number, new) for number, issuer in enumerate(settings.PUBLISHER_ISSUERS)]


def _form(request: HttpRequest, issuer: Issuer, number: int, new: bool) -> PublisherForm:
    sent = request.method == "POST" and "add" in request.POST and request.POST.get("issuer") == issuer.url
    return PublisherForm(request.POST if sent else None, issuer=issuer, new=new, auto_id=f"publisher{number}_%s")


def _post(request: HttpRequest, user: User, forms: list[PublisherForm], add: Add) -> bool:
    """Do it; False where the page is shown again with what is wrong in a form."""
    if not may_change_account(request):
        raise ReauthenticationRequired
    try:
        if "add" in request.POST:
            return _added(request, forms, add)
        messages.success(request, _changed(request, user))
    except verbs.PublisherError as refusal:
        messages.error(request, str(refusal))
    return True


def _added(request: HttpRequest, forms: list[PublisherForm], add: Add) -> bool:
    form = next((one for one in forms if one.is_bound), None)
    if form is None:
        raise verbs.PublisherError
    if not form.is_valid():
        return False
    row = add(form)
    messages.success(request, _("The trusted publisher is added."))
    if verbs.contested([row]):
        words = _(
            "Another account waits for the same workflow and project name: %(name)s. "
            "We give a token to neither account."
        )
        messages.warning(request, words % {"name": row.wanted})
    return True


def _changed(request: HttpRequest, user: User) -> str:
    row = _chosen(request.POST.get("publisher", ""))
    if "keep" in request.POST:
        verbs.keep(row, actor=user, origin=origin_of(request))
        return _("The trusted publisher now uploads in your name.")
    verbs.remove(row, actor=user, origin=origin_of(request))
    return _("The trusted publisher is removed.")


def _chosen(text: str) -> Publisher:
    """The verbs decide whose it is. Raises Gone."""
    try:
        row = Publisher.objects.filter(pk=UUID(text)).first()
    except ValueError:
        row = None
    if row is None:
        raise verbs.Gone
    return row


def _shown(rows: list[Publisher], acting: set[int]) -> list[Shown]:
    known = {one.url: one for one in settings.PUBLISHER_ISSUERS}
    found = []
    for row in rows:
        issuer = known.get(row.issuer)
        place, kind = (issuer.place, issuer.kind) if issuer else ("", "")
        found.append(Shown(row, place, kind, row.added_by_id in acting))
    return found
