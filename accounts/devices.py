"""Second factors as django-otp devices. Their rules are in `second_factors.py`; only that module ends one.

Device keys are integers named `id`, as django-otp's persistent ids demand. Never call `verify_token` without the row
lock that makes a code count once: `typed_codes.py` takes it, and so does `django_otp.verify_token`.
"""

import secrets
import time
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin, TimestampMixin

from accounts import codes
from accounts.sealed import SealedField
from common import keys

TOTP_PURPOSE = "totp"
MOST_FAILURES = 10  # 2 ** 9 seconds: the lock never exceeds about nine minutes


def new_salt() -> bytes:
    return secrets.token_bytes(16)


class CappedThrottling(ThrottlingMixin):
    """django-otp's doubling lock, capped: whoever knows the password cannot lock the owner out for days."""

    class Meta:
        abstract = True

    def get_throttle_factor(self) -> int:
        return 1

    def throttle_increment(self, commit: bool = True) -> None:
        super().throttle_increment(commit=False)  # type: ignore[no-untyped-call]
        self.throttling_failure_count = min(self.throttling_failure_count, MOST_FAILURES)
        if commit:
            self.save(update_fields=["throttling_failure_count", "throttling_failure_timestamp"])


class TotpDevice(CappedThrottling, TimestampMixin, Device):
    """An authenticator app (RFC 6238: SHA-1, 30 s, 6 digits); the secret is encrypted, a time step counts once."""

    secret = SealedField(_("encrypted secret"), purpose=TOTP_PURPOSE, editable=False)
    last_step = models.BigIntegerField(_("time step of the last code"), default=-1, editable=False)
    seconds_slow = 0  # how far behind the app's clock is, when that is why its last code was refused

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")
        indexes = [models.Index(fields=["user", "confirmed"], name="totp_by_user")]

    def set_secret(self, raw: bytes) -> None:
        self.secret = keys.encrypt(TOTP_PURPOSE, raw)

    def raw_secret(self) -> bytes:
        return keys.decrypt(TOTP_PURPOSE, bytes(self.secret))

    @property
    def is_locked(self) -> bool:
        """Whether wrong guesses keep it from answering now."""
        return not self.verify_is_allowed()[0]  # type: ignore[no-untyped-call]

    def accepts(self, token: str) -> int | None:
        """The time step `token` would use up now, without using it."""
        return codes.accepted_step(self.raw_secret(), token, now=time.time(), after=self.last_step)

    def verify_token(self, token: str) -> bool:
        """Use up the time step of `token`. Call it on a locked row only, as `django_otp.verify_token` does."""
        return not self.is_locked and self.use_up(token)

    def use_up(self, token: str) -> bool:
        """The same without asking whether the app is locked by wrong guesses. Call it on a locked row only."""
        step = self.accepts(token)
        if step is None:
            self._refuse(token)
            return False
        self.last_step = step
        self.throttle_reset(commit=False)  # type: ignore[no-untyped-call]
        self.set_last_used_timestamp(commit=False)  # type: ignore[no-untyped-call]
        self.save()
        return True

    def _refuse(self, token: str) -> None:
        """Count the guess. A code of the past that is told about uses its step up: no clock set back makes it right."""
        now, past = time.time(), None
        if not self.is_locked:
            past = codes.past_step(self.raw_secret(), token, now=now, after=self.last_step)
        if past is not None:
            self.last_step, self.seconds_slow = past, (int(now) // codes.STEP - past) * codes.STEP
        self.throttle_increment(commit=False)
        self.save(update_fields=["last_step", "throttling_failure_count", "throttling_failure_timestamp"])


class RecoveryCodeDevice(TimestampMixin, Device):
    """The one set of recovery codes of an account. 80 random bits need no lock against guessing."""

    salt = models.BinaryField(default=new_salt, editable=False)
    proved_at = models.DateTimeField(_("codes saved, shown at"), null=True, editable=False)

    class Meta:
        verbose_name = _("recovery codes")
        verbose_name_plural = _("recovery codes")
        constraints = [models.UniqueConstraint(fields=["user"], name="one_set_of_recovery_codes")]

    def verify_token(self, token: str) -> bool:
        """Spend the code by one conditional UPDATE, so that two requests cannot both use it."""
        digest = codes.recovery_digest(bytes(self.salt), token)
        spent = self.codes.filter(digest=digest, used_at=None).update(used_at=Now())
        if spent:
            self.set_last_used_timestamp()  # type: ignore[no-untyped-call]
        return bool(spent)


class RecoveryCode(models.Model):
    """One single-use code, known here only by its salted digest."""

    device = models.ForeignKey(RecoveryCodeDevice, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(_("used at"), null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "digest"], name="recovery_code_unique")]

    def __str__(self) -> str:
        return str(self.pk)


def webauthn_credentials() -> Any:
    """The credential model's manager (django-otp-webauthn)."""
    return apps.get_model("django_otp_webauthn", "WebAuthnCredential").objects
