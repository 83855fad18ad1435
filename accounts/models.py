"""People, the addresses they gave up, and their sessions. Devices are in `devices.py`, mail in `mail/models.py`."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower, Now
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import usernames
from accounts.devices import RecoveryCode, RecoveryCodeDevice, TotpDevice
from accounts.mail.models import Link, Mail, Request
from accounts.sealed import SESSION, SealedTextField

__all__ = [
    "Browser",
    "FactorFailures",
    "FieldKey",
    "FormerAddress",
    "Link",
    "Mail",
    "RecoveryCode",
    "RecoveryCodeDevice",
    "Request",
    "Session",
    "TotpDevice",
    "User",
]


class UserManager(DjangoUserManager["User"]):
    def with_username(self, username: str) -> models.QuerySet["User"]:
        """The account of that name, ignoring case; uses the unique index."""
        return self.filter(Exact(Lower("username"), username.lower()))

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_username(username or "").get()

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra_fields: Any
    ) -> "User":
        extra_fields.setdefault("staff_since", timezone.now())
        return super().create_superuser(username, email, password, **extra_fields)


class User(AbstractUser):
    """One account. `uid` is what the world outside the database sees; rows refer to the integer id."""

    class FrozenBy(models.TextChoices):
        OWNER = "owner", _("the owner")
        STAFF = "staff", _("staff")

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = models.CharField(
        _("username"), max_length=usernames.MAX_LENGTH, unique=True, validators=usernames.validators
    )
    language = models.CharField(_("language"), max_length=12, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    frozen_at = models.DateTimeField(_("frozen at"), null=True, blank=True)
    frozen_by = models.CharField(_("frozen by"), max_length=8, choices=FrozenBy.choices, blank=True)
    quarantined_at = models.DateTimeField(_("quarantine began"), null=True, blank=True)
    quarantine_until = models.DateTimeField(_("quarantine ends"), null=True, blank=True)
    staff_since = models.DateTimeField(_("staff since"), null=True, blank=True)
    never_reset = models.BooleanField(_("never reset second factors"), default=False, db_default=False, editable=False)
    never_reset_ends = models.DateTimeField(_("can be reset again from"), null=True, editable=False)
    checkup_at = models.DateTimeField(_("last asked whether they can still get in"), db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    unverified_since = models.DateTimeField(_("no verified address since"), null=True, editable=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        permissions = [("freeze_user", _("Can freeze and unfreeze accounts"))]
        indexes = [
            models.Index(fields=["checkup_at"], name="account_by_checkup"),
            models.Index(
                fields=["unverified_since"],
                condition=models.Q(unverified_since__isnull=False, is_active=True),
                name="account_never_verified",
            ),
            models.Index(
                fields=["never_reset_ends"],
                condition=models.Q(never_reset_ends__isnull=False),
                name="never_reset_ending",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_unique_ignoring_case",
                violation_error_message=_("This username is taken."),
            ),
        ]

    def get_full_name(self) -> str:
        return self.username

    def get_short_name(self) -> str:
        return self.username

    @property
    def may_sign_in(self) -> bool:
        """False for a frozen or closed account."""
        return self.is_active and self.frozen_at is None

    def in_quarantine(self, now: datetime) -> bool:
        """From a reset until `quarantine_until`, which the first completed sign-in sets."""
        if self.quarantined_at is None:
            return False
        return self.quarantine_until is None or now < self.quarantine_until


class FieldKey(models.Model):
    """One of FIELD_KEYS that rows of this database were written with; the key itself is not here."""

    key_id = models.CharField(primary_key=True, max_length=16)
    first_used_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.key_id


class FormerAddress(models.Model):
    """A verified address its owner removed; it still hears of changes for NOTICE_AFTER_REMOVAL."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="former_addresses")
    email = models.EmailField(_("email address"))
    removed_at = models.DateTimeField(_("removed at"), db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["user", "removed_at"], name="former_address_by_user")]

    def __str__(self) -> str:
        return self.email


class FactorFailures(models.Model):
    """How often in a row one device was answered for wrongly; no row: not once since it last was right.

    `device` is django-otp's persistent id, since the model of security keys is not ours. With `off_at` it counts no
    more (accounts/wrong_factors.py).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="factor_failures")
    device = models.CharField(max_length=200, unique=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), db_default=0, editable=False)
    off_at = models.DateTimeField(_("switched off at"), null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.device}: {self.failures}"


class Browser(models.Model):
    """A browser this account has signed in with; its cookie is known here only by digest."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers")
    digest = models.CharField(max_length=64, editable=False)
    first_seen = models.DateTimeField(_("first seen"), db_default=Now())
    last_seen = models.DateTimeField(_("last seen"), db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "user"], name="browser_of_account")]
        indexes = [models.Index(fields=["last_seen"], name="browser_by_age")]

    def __str__(self) -> str:
        return str(self.pk)


class Session(AbstractBaseSession):
    """One browser's visit. `user_id` lets all sessions of an account end in one DELETE; `uid` names one on pages.

    `session_key` is a digest of the key in the cookie and `session_data` is encrypted (accounts/sessions.py).
    """

    session_key = models.CharField(_("digest of the session key"), max_length=64, primary_key=True)
    session_data = SealedTextField(_("encrypted session data"), purpose=SESSION)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    uid = models.UUIDField(null=True, db_index=True, editable=False)
    signed_in_at = models.DateTimeField(_("signed in at"), null=True, editable=False)
    last_seen = models.DateTimeField(_("last seen"), null=True, editable=False)
    network = models.CharField(_("network"), max_length=64, blank=True, default="", db_default="", editable=False)
    device = models.CharField(_("device"), max_length=300, blank=True, default="", db_default="", editable=False)

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.sessions import SessionStore

        return SessionStore
