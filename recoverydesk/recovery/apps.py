"""App configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RecoveryConfig(AppConfig):
    name = "recoverydesk.recovery"
    verbose_name = _("Recovery")

    def ready(self) -> None:
        from recoverydesk.recovery import permissions
        from recoverydesk.recovery.desk import replies

        post_migrate.connect(permissions.make_groups, sender=self, dispatch_uid="recovery.groups")
        post_migrate.connect(replies.make_templates, sender=self, dispatch_uid="recovery.replies")
