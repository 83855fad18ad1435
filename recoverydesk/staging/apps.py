"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StagingConfig(AppConfig):
    name = "recoverydesk.staging"
    verbose_name = _("Staged releases")
