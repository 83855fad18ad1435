"""Staff see projects, who acts for them and which repositories they name; nobody changes anything here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.desk_admin import DeskAdmin, page_named
from recoverydesk.projects import orphans
from recoverydesk.projects.models import Project


def _never(*_args: object, **_options: object) -> bool:
    return False


class OwnerFilter(admin.SimpleListFilter):
    """The projects that wait for staff: nobody is left who could act as an owner (orphans.py)."""

    title = _("owners")
    parameter_name = "owners"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("none", gettext("no owner left"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> QuerySet[Project]:  # noqa: ARG002
        return queryset.filter(pk__in=orphans.orphans()) if self.value() == "none" else queryset


@admin.register(Project)
class ProjectAdmin(DeskAdmin[Project]):
    list_display = ["name", "is_critical", "standing", "created_on"]
    list_filter = [OwnerFilter, "critical", "status"]
    search_fields = ["name", "normalized_name", "links__host"]
    ordering = ["normalized_name"]
    has_add_permission = has_change_permission = has_delete_permission = _never

    def page_of(self, row: Project) -> str:
        return page_named("recovery_project", row.pk)

    def log_of(self, row: Project) -> dict[str, str]:
        return {"project": row.name}

    @admin.display(description=_("critical"), ordering="critical")
    def is_critical(self, project: Project) -> str:
        return gettext("critical") if project.critical else "–"

    @admin.display(description=_("status"), ordering="status")
    def standing(self, project: Project) -> str:
        return project.get_status_display() if project.status != Project.Status.ACTIVE else "–"

    @admin.display(description=_("created"), ordering="created_at")
    def created_on(self, project: Project) -> str:
        return f"{project.created_at:%Y-%m-%d}"
