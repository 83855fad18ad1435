"""App configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "recoverydesk.channels"
    verbose_name = _("Channels")

    def ready(self) -> None:
        from recoverydesk.recovery.permissions import make_groups

        # The rights to look are made after those of the ticket office, which makes the groups.
        post_migrate.connect(make_groups, sender=self, dispatch_uid="channels.groups")
