"""Staff see projects, who acts for them and which repositories they name; nobody changes anything here."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.desk_admin import DeskAdmin
from recoverydesk.projects.models import Project, RepositoryLink, Role


def _never(*_args: object, **_options: object) -> bool:
    return False


class RoleInline(admin.TabularInline[Role, Project]):
    model = Role
    fields = readonly_fields = ("user", "kind", "created_at", "accepted_at", "held_at")
    extra = 0
    has_add_permission = has_change_permission = has_delete_permission = _never

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        return super().get_queryset(request).select_related("user").order_by("created_at")


class RepositoryLinkInline(admin.TabularInline[RepositoryLink, Project]):
    model = RepositoryLink
    fields = readonly_fields = (
        "host",
        "namespace",
        "repository",
        "label",
        "kind",
        "url",
        "first_seen",
        "first_release",
        "last_seen",
        "last_release",
    )
    extra = 0
    has_add_permission = has_change_permission = has_delete_permission = _never

    def get_queryset(self, request: HttpRequest) -> QuerySet[RepositoryLink]:
        links = super().get_queryset(request).select_related("first_release", "last_release")
        return links.order_by("host", "namespace", "repository", "url")


@admin.register(Project)
class ProjectAdmin(DeskAdmin[Project]):
    list_display = ["name", "is_critical", "created_on"]
    list_filter = ["critical"]
    search_fields = ["name", "normalized_name", "links__host"]
    ordering = ["normalized_name"]
    fields = readonly_fields = ("name", "normalized_name", "uid", "critical", "created_at")
    inlines = [RoleInline, RepositoryLinkInline]
    has_add_permission = has_change_permission = has_delete_permission = _never

    @admin.display(description=_("critical"), ordering="critical")
    def is_critical(self, project: Project) -> str:
        return gettext("critical") if project.critical else "–"

    @admin.display(description=_("created"), ordering="created_at")
    def created_on(self, project: Project) -> str:
        return f"{project.created_at:%Y-%m-%d}"
