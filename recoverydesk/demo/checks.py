"""The demo shows passwords, codes and mails to anybody: it must never be part of a production site."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register("security")
def refuse_the_demo_in_production(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse every management command of a production site that has the demo installed."""
    if not settings.PRODUCTION:
        return []
    return [Error("recoverydesk.demo is installed although BASE_URL is https.", hint="Unset DEMO.", id="demo.E001")]
