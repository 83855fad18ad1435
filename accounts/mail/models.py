"""The outbox, the links that mails carry, and the public forms' requests."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.sealed import KeyIdField, SealedField
from common.leases import Leased
from common.numbers import whole_number

PAYLOAD = "mail"  # the purpose of the key that encrypts prepared mails


class Mail(Leased):
    """One mail to one address, from the moment it was decided on. Holds no link and no secret in clear."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        BOUNCED = "bounced", _("bounced")
        FAILED = "failed", _("failed")

    kind = models.CharField(_("kind"), max_length=64)
    recipient = models.CharField(_("recipient"), max_length=320, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="mails")
    reference = models.CharField(_("reference"), max_length=64, blank=True, db_index=True)
    language = models.CharField(max_length=12)
    context = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    links = models.JSONField(default=dict)
    payload = SealedField(purpose=PAYLOAD, null=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try = models.DateTimeField(_("next try"), db_default=Now())
    dedupe_key = models.CharField(max_length=500, unique=True)
    counted_as = models.CharField(
        max_length=64, blank=True, db_default="", editable=False
    )  # see accounts/mail/limits.py
    message_id = models.CharField(max_length=200)
    queued_at = models.DateTimeField(_("queued at"), db_default=Now())
    sent_at = models.DateTimeField(_("sent at"), null=True)
    settled_at = models.DateTimeField(_("left the queue at"), null=True)
    error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [
            models.Index(fields=["next_try", "id"], condition=models.Q(state="queued"), name="mail_due"),
            models.Index(
                fields=["state", "settled_at"], condition=models.Q(state__in=["failed", "bounced"]), name="mail_lost"
            ),
            models.Index(fields=["counted_as"], condition=~models.Q(counted_as=""), name="mail_counted"),
            models.Index(
                fields=["settled_at"],
                condition=models.Q(settled_at__isnull=False) & ~models.Q(reference__startswith="ticket:"),
                name="mail_of_no_ticket",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"

    @property
    def ticket(self) -> int | None:
        """The number of the ticket this mail belongs to, from its reference (`ticket:214`)."""
        room, _colon, number = self.reference.partition(":")
        return whole_number(number) if room == "ticket" else None


class Link(models.Model):
    """A mailed one-time key. Only its nonce is stored: the key itself needs FIELD_KEYS too (accounts/mail/links.py)."""

    purpose = models.CharField(max_length=32)
    recipient = models.CharField(max_length=320)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="links")
    reference = models.CharField(max_length=64, blank=True, db_index=True)
    nonce = models.CharField(max_length=64)
    key_id = KeyIdField(max_length=16, live=models.Q(used_at=None, dead_at=None, expires_at__gt=Now()))
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")

    def __str__(self) -> str:
        return f"{self.purpose} link {self.pk}"


class Request(Leased):
    """What somebody typed into a public form; the sweep acts on it, so that the form's answer tells nothing."""

    class Kind(models.TextChoices):
        RECOVERY = "recovery", _("recovery")
        PASSWORD_RESET = "password_reset", _("password reset")  # noqa: S105

    kind = models.CharField(max_length=16, choices=Kind.choices)
    payload = SealedField(purpose_in="kind")
    network = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    handled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        indexes = [
            models.Index(fields=["kind", "due_at"], condition=models.Q(handled_at=None), name="request_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} request {self.pk}"
