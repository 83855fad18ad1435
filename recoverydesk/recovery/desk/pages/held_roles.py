"""Roles on hold, for staff: who, where, since when, and who may let each act again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import decisions
from common.clock import database_now
from recoverydesk.projects import holds
from recoverydesk.projects.models import Role
from recoverydesk.recovery import errors
from recoverydesk.recovery.after_reset import held_roles
from recoverydesk.recovery.desk.pages.staff_request import actor_of, must_view, user_of
from recoverydesk.recovery.models import ReleaseWord
from recoverydesk.recovery.permissions import RESET
from recoverydesk.recovery.workflow import seen_pages

PER_PAGE = 50
PAGE = "admin:recovery_held_roles"


@dataclass(frozen=True)
class Line:
    """One role on hold. `from_at` is when two of staff may let it act again, `first` who has said so already.

    `seen` is its ticket as this page shows it.
    """

    role: Role
    owners: list[str]
    from_at: datetime
    first: str
    may: bool
    seen: seen_pages.Seen | None


def show_held_roles(request: HttpRequest) -> HttpResponse:
    """The list; a POST is one person's word for one role, through the verb."""
    must_view(request)
    if request.method == "POST":
        return _release(request)
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    return _page(request)


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    found = Paginator(holds.held(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": _("Roles on hold"),
        "page": found,
        "lines": _lines(found, request),
        "days": held_roles.STAFF_AFTER_DAYS,
        **more,
    }
    return TemplateResponse(request, "admin/recovery/held_roles.html", context, status=status)


def _lines(found: Page[Role], request: HttpRequest) -> list[Line]:
    roles, now, user = list(found), database_now(), user_of(request)
    owners = holds.acting_owners(roles)
    words = ReleaseWord.objects.filter(role_id__in=[role.pk for role in roles]).select_related("by").order_by("id")
    first = {(word.ticket_id, word.role_id): word.by.username for word in words}
    seen = seen_pages.seen_of_tickets([role.held_for for role in roles if role.held_for])
    decides = user.has_perm(RESET)
    lines = []
    for role in roles:
        assert role.held_at is not None
        from_at = role.held_at + timedelta(days=held_roles.STAFF_AFTER_DAYS)
        said = first.get((role.held_for or 0, role.pk), "")
        others = user.pk != role.user_id and user.username not in (*owners[role.pk], said)
        may = decides and others and now >= from_at
        lines.append(Line(role, owners[role.pk], from_at, said, may, seen.get(role.held_for or 0)))
    return lines


def _release(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    role, reason = seen_pages.number_in_form(request.POST, "role") or 0, request.POST.get("reason", "")
    try:
        done = held_roles.release_by_staff(role, actor=actor, reason=reason, seen=seen_pages.seen_of_form(request.POST))
    except decisions.ConfirmationNeeded as needed:
        return decisions.ask_for_factor(request, needed, back=reverse(PAGE))
    except errors.RecoveryError as refusal:
        return _page(request, 409, refusal=str(refusal), refused=role, typed=reason)
    said = _("The role acts again.") if done else _("Written down. Another person has to say so too.")
    messages.success(request, said)
    return redirect(PAGE)
