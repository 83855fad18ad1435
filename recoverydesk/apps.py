"""Puts our gated admin site in the place of Django's, and makes the Celery application that every task belongs to."""

from django.contrib.admin.apps import AdminConfig
from django.core import checks

from recoverydesk.celery import app as celery_app

__all__ = ["DeskAdminConfig", "celery_app"]


class DeskAdminConfig(AdminConfig):
    default_site = "recoverydesk.site.DeskAdminSite"

    def ready(self) -> None:
        from recoverydesk.database.keys_match import check_keys
        from recoverydesk.site import check_gate

        super().ready()
        checks.register(check_gate, checks.Tags.security)
        checks.register(check_keys, checks.Tags.database)
