"""App configuration."""

import re

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,39}")


class TokensConfig(AppConfig):
    name = "tokens"
    verbose_name = _("tokens")

    def ready(self) -> None:
        """Stop the start when secret scanners could not tell where the prefix of our tokens ends."""
        if not PREFIX.fullmatch(settings.TOKEN_PREFIX):
            raise ImproperlyConfigured("TOKEN_PREFIX: 3 to 40 letters, digits and underscores, a letter first")
        if not 1 <= settings.TOKEN_MAX_DAYS <= 365:
            raise ImproperlyConfigured("TOKEN_MAX_DAYS: from 1 to 365")
