"""Staff see API tokens; nobody changes one here."""

from django.contrib import admin

from audit.desk_admin import DeskAdmin, page_named
from tokens.models import ApiToken


def _never(*_args: object, **_options: object) -> bool:
    return False


@admin.register(ApiToken)
class ApiTokenAdmin(DeskAdmin[ApiToken]):
    list_display = ["name", "user", "created_at", "last_used_at", "expires_at", "held_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "name"]
    ordering = ["-created_at"]

    def page_of(self, row: ApiToken) -> str:
        return page_named("recovery_account", row.user_id)

    has_add_permission = has_change_permission = has_delete_permission = _never
