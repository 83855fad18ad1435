"""The moderators' desk in the admin: which pages there are. What they do is in admin_queue and admin_ticket."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audit import log
from audit.desk_admin import DeskAdmin
from audit.tags import Tag
from common import wake
from recoverydesk.recovery import errors, permissions
from recoverydesk.recovery.code_hosts import learned
from recoverydesk.recovery.code_hosts.limits import may_limit
from recoverydesk.recovery.desk import queue, replies
from recoverydesk.recovery.desk.pages import (
    account,
    host_limits,
    incidents,
    opening,
    project,
    project_decisions,
    settings,
    ticket,
)
from recoverydesk.recovery.desk.pages import queue as queue_page
from recoverydesk.recovery.desk.pages.forms import ReplyTemplateForm
from recoverydesk.recovery.desk.pages.staff_request import actor_of, user_of
from recoverydesk.recovery.models import CodeHost, RecoveryTicket, ReplyTemplate


def _never(*_args: object, **_options: object) -> bool:
    return False


@admin.register(RecoveryTicket)
class RecoveryTicketAdmin(DeskAdmin[RecoveryTicket]):
    """Read-only but for the verbs. There is no form: a ticket's fields are nobody's to type."""

    own_parameters = queue.PARAMETERS
    has_add_permission = has_change_permission = has_delete_permission = _never

    def get_urls(self) -> list[URLPattern]:
        def site(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        return [
            path("next/", site(queue_page.take_next), name="recovery_take_next"),
            path("act/", site(queue_page.act), name="recovery_act"),
            path("save-view/", site(queue_page.save_view), name="recovery_save_view"),
            path("remove-view/", site(queue_page.remove_view), name="recovery_remove_view"),
            path("csv/", site(queue_page.as_csv), name="recovery_csv"),
            path("settings/", site(settings.show_settings), name="recovery_settings"),
            path("open/", site(opening.show_whose_form), name="recovery_open_whose"),
            path("project/<int:pk>/", site(project.show_project), name="recovery_project"),
            path("project/<int:pk>/decide/", site(project_decisions.decide), name="recovery_project_decide"),
            path("project/<int:pk>/incident/", site(incidents.of_project), name="recovery_project_incident"),
            path("account/<int:pk>/incident/", site(incidents.of_account), name="recovery_account_incident"),
            path("account/<int:pk>/", site(account.show_account), name="recovery_account"),
            path("account/<int:pk>/open/", site(opening.show_opening_form), name="recovery_open"),
            path("<int:pk>/press/<slug:verb>/", site(ticket.submit), name="recovery_press"),
            path("<int:pk>/reply/", site(ticket.reply), name="recovery_reply"),
            path("<int:pk>/looking/", site(ticket.looking), name="recovery_looking"),
            path("<int:pk>/mail/<int:mail_id>/", site(ticket.mail), name="recovery_mail"),
            *super().get_urls(),
        ]

    def list_page(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return queue_page.show_queue(request, {"opts": self.opts, **(extra_context or {})})

    def log_of(self, row: RecoveryTicket) -> dict[str, str]:
        return {"ticket": str(row.pk)}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return ticket.show_ticket(request, object_id)


@admin.register(ReplyTemplate)
class ReplyTemplateAdmin(DeskAdmin[ReplyTemplate]):
    """Canned replies. Admins edit them; each change is an event."""

    form = ReplyTemplateForm
    list_title = gettext_lazy("Replies")
    list_display = ("name", "suggested_when", "active", "changed_at")

    @admin.display(description=gettext_lazy("suggested when"), ordering="situation")
    def suggested_when(self, template: ReplyTemplate) -> str:
        return str(replies.SITUATIONS.get(template.situation, _("never automatically")))

    def save_model(
        self, request: HttpRequest, obj: ReplyTemplate, form: ModelForm[ReplyTemplate], change: bool
    ) -> None:
        if change and not form.changed_data:
            return
        super().save_model(request, obj, form, change)
        what = {"what": "changed", "fields": form.changed_data} if change else {"what": "added"}
        named = {"was_called": form.initial["name"]} if change and "name" in form.changed_data else {}
        log.record(Tag.REPLY_TEMPLATE_CHANGE, actor=user_of(request), template=obj.name, **what, **named)

    def delete_model(self, request: HttpRequest, obj: ReplyTemplate) -> None:
        log.record(Tag.REPLY_TEMPLATE_CHANGE, actor=user_of(request), template=obj.name, what="deleted")
        super().delete_model(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's own log has no integrity; the event is what counts."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """See `log_addition`."""


def _do(request: HttpRequest, act: Callable[[], str]) -> None:
    try:
        messages.success(request, act())
        wake.wake()
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))


@admin.register(CodeHost)
class CodeHostAdmin(DeskAdmin[CodeHost]):
    """What staff have described (`manage.py codehost`) and what asking has taught; two buttons: probe now, limits."""

    list_display = ("host", "known_by", "protocol", "state", "failures", "looks_today", "a_second")
    list_filter = ("described", "protocol")
    search_fields = ("host",)
    ordering = ("host",)
    change_form_template = "admin/recovery/codehost/change_form.html"
    fieldsets = (
        (None, {"fields": ("host", "origin", "known_by", "style", "private", "plain_http", "paused_at")}),
        (gettext_lazy("What the program found out about the host"), {"fields": ("protocol", "learned_at")}),
        (
            gettext_lazy("How it answers"),
            {"fields": ("state", "failures", "trouble", "circuit_open_until", "looks_today", "a_second", "tokens_at")},
        ),
    )

    @admin.display(description=gettext_lazy("known"), ordering="described")
    def known_by(self, host: CodeHost) -> str:
        return _("set by staff") if host.described else _("learned from the host")

    @admin.display(description=gettext_lazy("state"))
    def state(self, host: CodeHost) -> str:
        now = timezone.now()
        if host.paused_at:
            return _("paused by staff")
        if host.circuit_open_until and host.circuit_open_until > now:
            return _("not checked until %(at)s") % {"at": date_format(host.circuit_open_until, "H:i:s")}
        if learned.knowledge(host).rests_until(now):
            return _("no more checks today")
        return _("failing") if host.failures else _("works")

    @admin.display(description=gettext_lazy("checks today"))
    def looks_today(self, host: CodeHost) -> str:
        known = learned.knowledge(host)
        return f"{known.asked_today(timezone.now())}/{known.pace.a_day}"

    @admin.display(description=gettext_lazy("checks a second"))
    def a_second(self, host: CodeHost) -> str:
        return f"{learned.pace(host).a_second:g}"

    def get_urls(self) -> list[URLPattern]:
        probe = self.admin_site.admin_view(self.probe_now)
        limits = self.admin_site.admin_view(host_limits.show_host_limits)
        return [
            path("<int:pk>/probe_now/", probe, name="recovery_codehost_probe_now"),
            path("<int:pk>/limits/", limits, name="recovery_codehost_limits"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"may_limit": may_limit(actor_of(request))}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def probe_now(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button: a POST that makes everything waiting for this host due, and comes back."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        actor = actor_of(request)
        host = get_object_or_404(CodeHost, pk=pk)
        _do(request, lambda: _probed_now(host, actor))
        return redirect(reverse("admin:recovery_codehost_change", args=[pk]))

    has_add_permission = has_change_permission = has_delete_permission = _never


def _probed_now(host: CodeHost, actor: permissions.Actor) -> str:
    waiting = learned.probe_now(host, actor=actor)
    return ngettext("%d check is due now.", "%d checks are due now.", waiting) % waiting
