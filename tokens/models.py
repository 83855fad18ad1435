"""API tokens: who holds them and whether they open anything today. What a token's bytes say is not known here."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.sealed import SealedField

PURPOSE = "tokens"  # of the key that encrypts root keys


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self) -> "ApiTokenQuerySet":
        """Tokens that open something now: neither held nor revoked nor past their end (database clock)."""
        running = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())
        return self.filter(running, held_at__isnull=True, revoked_at__isnull=True)

    def usable_by(self, user_id: int) -> "ApiTokenQuerySet":
        """What the owner still has: everything that is not revoked. A publisher's token is no person's to keep."""
        return self.filter(user_id=user_id, revoked_at__isnull=True, publishers=[])

    def holdable(self) -> "ApiTokenQuerySet":
        """Tokens a reset must hold: whatever is not held or revoked yet, expired or not. A publisher's is revoked."""
        return self.filter(held_at__isnull=True, revoked_at__isnull=True, publishers=[])

    def of_publishers(self) -> "ApiTokenQuerySet":
        """Tokens that trusted publishers got."""
        return self.exclude(publishers=[])


class ApiToken(models.Model):
    """One API token of one user. A held token opens nothing until its user confirms it.

    `sealed_key` is the token's own root key, encrypted. `caveats` are those it was made with, in wire form; they are
    asked again at every use, so that adding one here narrows a token that is out already. `project_uid` is empty for
    a token of the whole account. `publishers` names the trusted publishers that got it; a person's token has none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100)
    created_at = models.DateTimeField(_("made"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_used_from = models.CharField(_("last used on network"), max_length=64, blank=True, default="", db_default="")
    held_at = models.DateTimeField(_("on hold since"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    location = models.CharField(max_length=253, blank=True, default="", db_default="", editable=False)
    sealed_key = SealedField(purpose=PURPOSE, default=bytes, db_default=b"", editable=False)
    reminded_days = models.PositiveSmallIntegerField(null=True, editable=False)
    caveats = models.JSONField(_("caveats"), default=list, db_default=[], blank=True, editable=False)
    project_uid = models.UUIDField(null=True, blank=True, editable=False)
    project_name = models.CharField(_("project"), max_length=100, blank=True, default="", db_default="", editable=False)
    publishers = models.JSONField(default=list, db_default=[], blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    @property
    def scope(self) -> str:
        """What the token is for, in words of the program: "user", "trusted publisher" or the project's name."""
        return self.project_name or ("trusted publisher" if self.publishers else "user")

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        indexes = [models.Index(fields=["user", "created_at"], name="token_by_user")]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="token_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
