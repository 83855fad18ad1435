"""The statistics page of the admin: one row, shown as drawings with their tables, as JSON and as CSV."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from audit.desk_admin import DeskAdmin
from common.csv_safe import csv_response
from recoverydesk.statistics import showing
from recoverydesk.statistics.computing import FIRST
from recoverydesk.statistics.models import Figures


def _never(*_args: object, **_options: object) -> bool:
    return False


@admin.register(Figures)
class FiguresAdmin(DeskAdmin[Figures]):
    """Figures name nobody: every group of staff may look at them. Nobody writes them."""

    own_parameters = frozenset[str]()
    has_add_permission = has_change_permission = has_delete_permission = _never

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("", site(self.changelist_view), name="statistics_figures_changelist"),
            path("json/", site(self.as_json), name="statistics_json"),
            path("<slug:name>.csv", site(self.as_csv), name="statistics_csv"),
        ]

    def list_page(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Every table with its drawing."""
        row = _row()
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Figures"),
            "made_at": row.made_at,
            "tables": showing.tables(row.tables),
        }
        return TemplateResponse(request, "admin/statistics.html", context)

    def _must_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def as_json(self, request: HttpRequest) -> HttpResponse:
        """The same figures for scripts of staff."""
        self._must_view(request)
        row = _row()
        return JsonResponse({"made_at": row.made_at, **row.tables})

    def as_csv(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """One table for a spreadsheet."""
        self._must_view(request)
        table = next((one for one in showing.tables(_row().tables) if one.name == name), None)
        if table is None:
            raise Http404
        return csv_response(f"{name}.csv", [table.heading.columns, *table.rows])


def _row() -> Figures:
    return Figures.objects.filter(pk=FIRST).first() or Figures()
