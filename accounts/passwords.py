"""How good a password must be, in addition to Django's own validators: guesses are counted with zxcvbn."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

from accounts.models import User

LONGEST = 4096  # bytes: long enough for any pass phrase, short enough to hash
LOOKED_AT = 72  # characters zxcvbn looks at; its time grows with the square of them
LEAST_SCORE = 2  # of 0-4: at least 10**8 guesses


def too_long(password: str) -> bool:
    return len(password.encode(errors="surrogatepass")) > LONGEST


class LongestPasswordValidator:
    """Refuses what would only be typed to keep the server busy."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        if too_long(password):
            raise ValidationError(_("This password is longer than 4,096 bytes."), code="password_too_long")

    def get_help_text(self) -> str:
        return _("Your password can be up to 4,096 bytes long.")


class StrengthValidator:
    """Refuses what a guesser who knows names, dates, keyboard rows and leaked passwords finds soon."""

    def validate(self, password: str, user: User | None = None) -> None:
        if too_long(password) or not password:
            return
        found: dict[str, Any] = zxcvbn(password[:LOOKED_AT], user_inputs=_own_words(user))
        if found["score"] < LEAST_SCORE:
            raise ValidationError(
                _("This password is easy to guess. Use a few more words that do not belong together."),
                code="password_too_weak",
            )

    def get_help_text(self) -> str:
        return _("A few words that do not belong together make a good password.")


def _own_words(user: User | None) -> list[str]:
    """What everybody knows about the account."""
    return [word for word in (user.username, user.email, *user.email.split("@")) if word] if user else []
