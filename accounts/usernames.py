"""What a username may look like: at most 50 ASCII letters, digits, dots, hyphens and underscores."""

import re

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 50
PATTERN = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")  # no flags: case folding would let "\u0131" in
validators = [
    RegexValidator(
        PATTERN,
        _("Use letters, digits, dots, hyphens and underscores; begin and end with a letter or digit."),
    )
]
