"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StatisticsConfig(AppConfig):
    name = "recoverydesk.statistics"
    verbose_name = _("statistics")
