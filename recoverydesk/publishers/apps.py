"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishersConfig(AppConfig):
    name = "recoverydesk.publishers"
    verbose_name = _("Trusted publishers")
