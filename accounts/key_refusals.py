"""Why a security key's answer was refused, and against which keys it counts."""

from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import wrong_factors
from accounts.devices import webauthn_credentials
from accounts.models import User
from audit.log import RequestOrigin

if TYPE_CHECKING:
    from django_otp_webauthn.models import WebAuthnCredential


class KeyRefused(Exception):
    """A ceremony failed; nothing was changed. `why` is for the event, `sentence` for people.

    `device` is the key of the account that gave a wrong answer, if known; `counts` says that there was one.
    """

    counts = True

    def __init__(self, why: str, sentence: "str | Promise" = "", *, device: "WebAuthnCredential | None" = None) -> None:
        super().__init__(why)
        self.why = why
        self.device = device
        self.sentence = sentence or _("This key was not accepted. Try again, or use another way in.")


class Unasked(KeyRefused):
    """The question is gone, too old, or was another one: that says nothing of any key."""

    counts = False


class SwitchedOff(KeyRefused):
    """The key counts no more after too many wrong answers (accounts/wrong_factors.py)."""

    counts = False

    def __init__(self) -> None:
        sentence = _(
            "This key is switched off after too many wrong tries. To switch it on again, sign in "
            "with another second factor."
        )
        super().__init__("switched off", sentence)


def count(user: User, refusal: KeyRefused, *, origin: RequestOrigin) -> None:
    """Count a wrong answer against the key that gave it, else against every key of the account.

    Call it after the transaction of what the answer was for, once the account's password was shown.
    """
    keys = [refusal.device] if refusal.device else webauthn_credentials().filter(user=user, confirmed=True)
    if refusal.counts and keys:
        wrong_factors.refused(user, list(keys), origin=origin)
