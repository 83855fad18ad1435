"""The staff log: to search, read and export, never to write. Opening an account's whole log is an event itself."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import searching
from audit.chain import export, outlets
from audit.desk_admin import DeskAdmin
from audit.log import origin_of, record
from audit.models import Event, EventDetail, Seal
from audit.tags import Tag
from common import csv_safe

CSV_COLUMNS = ("id", "time", "tag", "actor_name", "subject_name", "ticket", "project_name", "token_id", "data")


def _never(*_args: object, **_options: object) -> bool:
    return False


@admin.register(Event)
class EventAdmin(DeskAdmin[Event]):
    """Both pages are our own: the list goes by id and counts nothing, an event shows its details and its JSON."""

    list_title = gettext_lazy("Log")
    own_parameters = frozenset(searching.SearchForm.base_fields)

    has_add_permission = has_change_permission = has_delete_permission = _never

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("export/", site(self.export), name="audit_event_export"),
            path("csv/", site(self.as_csv), name="audit_event_csv"),
            *super().get_urls(),
        ]

    def list_page(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Search and read, fifty at a time."""
        form = searching.SearchForm(request.GET)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Log"),
            "form": form,
            "page": self._page(request, form) if form.is_valid() else searching.Page([], None, None),
            "asked": _query(request),
            "may_export": _is_superuser(request),
            "outlets": outlets.current() if _is_superuser(request) else [],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/audit/log.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One event, to read."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": _("Event %(number)d") % {"number": event.pk},
            "event": event,
            "detail": _detail(event),
            "json": json.dumps(event.data, indent=2, ensure_ascii=False),
        }
        return TemplateResponse(request, "admin/audit/event.html", context)

    def _page(self, request: HttpRequest, form: searching.SearchForm) -> searching.Page:
        for account in searching.opened(form.cleaned_data):
            _record(request, Tag.AUDIT_LOG_OPEN, account)
        return searching.search_page(form.cleaned_data)

    def as_csv(self, request: HttpRequest) -> HttpResponseBase:
        """What the search finds, for a spreadsheet: the newest ten thousand, without networks and addresses."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = searching.SearchForm(request.POST)
        if not form.is_valid():
            return HttpResponse(status=400)
        opened = searching.opened({**form.cleaned_data, "before": None, "after": None})
        named: list[searching.Account | None] = [*opened]
        for account in named or [None]:
            _record(request, Tag.AUDIT_LOG_EXPORT, account, how="csv")
        events = searching.found(form.cleaned_data).order_by("-id")[: searching.CSV_ROWS]
        return csv_safe.csv_response("log.csv", _csv_rows(events))

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The whole log, signed, for verify_export.py, streamed; superusers only."""
        if not _is_superuser(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _record(request, Tag.AUDIT_LOG_EXPORT, None, how="admin")
        headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
        return StreamingHttpResponse(export.lines(), content_type="application/jsonl; charset=utf-8", headers=headers)


@admin.register(Seal)
class SealAdmin(DeskAdmin[Seal]):
    """The chain, to look at."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seal]:
        return super().get_queryset(request).defer("entries", "gaps")

    list_display = ("number", "time", "count", "key_id", "imported")
    fields = readonly_fields = (
        "number",
        "time",
        "count",
        "previous",
        "last_id",
        "newest",
        "key_id",
        "signature",
        "imported",
    )
    ordering = ("-number",)
    list_per_page = 50
    show_full_result_count = False
    has_add_permission = has_change_permission = has_delete_permission = _never


def _record(request: HttpRequest, tag: Tag, account: searching.Account | None, **data: Any) -> None:
    user: Any = request.user
    record(tag, actor=user, subject=account, origin=origin_of(request), **data)


def _csv_rows(events: Any) -> Iterator[list[Any]]:
    yield [*CSV_COLUMNS, "what"]
    for event in events.iterator(chunk_size=1000):
        yield [*(getattr(event, name) for name in CSV_COLUMNS), event.staff_sentence]


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def _query(request: HttpRequest) -> str:
    """The search without its page, for the links to other pages."""
    asked = request.GET.copy()
    for name in ("before", "after"):
        asked.pop(name, None)
    return asked.urlencode()


def _detail(event: Event) -> EventDetail:
    return EventDetail.objects.filter(event_id=event.id).first() or EventDetail()
