"""What arrived by a channel and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.mail.models import Request
from accounts.sealed import SealedField
from recoverydesk.recovery.models import RecoveryTicket, Source

TEXT = "channels"  # the purpose of the key that encrypts what people wrote


class IssueForm(models.Model):
    """A filled-in form of an issue tracker, as it was first read: the body as opened is the one that counts.

    `author_id` is the tracker's number of whoever opened it: a fact beside the claim, never a proof. A later body with
    another name changes nothing; it is kept in `edited_name` and shown.
    """

    url = models.URLField(_("issue"), blank=True, default="", db_default="")
    author_id = models.BigIntegerField(_("author's number"), null=True)
    body = SealedField(purpose=TEXT, null=True)
    username = models.CharField(_("account named"), max_length=500, blank=True, default="", db_default="")
    claim = models.CharField(_("claim"), max_length=24, blank=True, default="", db_default="")
    problems = models.JSONField(_("problems"), default=list, db_default=[])
    request = models.OneToOneField(Request, models.SET_NULL, null=True, related_name="issue_form")
    read_at = models.DateTimeField(_("read"), db_default=Now())
    edited_at = models.DateTimeField(_("edited"), null=True)
    edited_name = models.CharField(_("account named since"), max_length=500, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("issue form")
        verbose_name_plural = _("issue forms")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["url"], condition=~Q(url=""), name="one_form_per_issue")]
        indexes = [models.Index(fields=["read_at"], name="form_with_text", condition=Q(body__isnull=False))]

    def __str__(self) -> str:
        return f"{self.pk}"


class IncomingMail(models.Model):
    """A mail that came in, read once: what it was, to which ticket it belongs, why it was not the claimant's word."""

    class Kind(models.TextChoices):
        CLAIMANT = "claimant", _("the claimant's word")
        UNPROVEN = "unproven", _("not proved to be the claimant's")
        REFUSED = "refused", _("the claimant's, not taken")
        STRANGER = "stranger", _("belongs to no request")
        AUTOMATIC = "automatic", _("automatic reply")
        LIST = "list", _("mailing list")
        LOOP = "loop", _("our own mail")
        BOUNCE = "bounce", _("report of a mail server")

    digest = models.CharField(max_length=64, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    reason = models.CharField(_("why"), max_length=40, blank=True, default="", db_default="")
    ticket = models.ForeignKey(
        RecoveryTicket, models.SET_NULL, null=True, related_name="incoming_mails", verbose_name=_("ticket")
    )
    sender = models.CharField(_("from"), max_length=320, blank=True, default="", db_default="")
    subject = models.CharField(_("subject"), max_length=200, blank=True, default="", db_default="")
    original = SealedField(purpose=TEXT, null=True)
    attachments = models.JSONField(_("attachments, dropped"), default=list, db_default=[])
    received_at = models.DateTimeField(_("received"), db_default=Now())

    class Meta:
        verbose_name = _("incoming mail")
        verbose_name_plural = _("incoming mails")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["received_at"], name="incoming_with_text", condition=Q(original__isnull=False))]

    def __str__(self) -> str:
        return f"{self.pk} ({self.kind})"


class Unmatched(models.Model):
    """A request that no account was found for, or that has to be asked about: staff answer, link or close it.

    `asked` is what was typed, as JSON: `username`, `claim`, `contact` and `codes_lost`. `digest` keeps one row of the
    same request while it is open.
    """

    class End(models.TextChoices):
        ANSWERED = "answered", _("answered")
        LINKED = "linked", _("linked to an account")
        CLOSED = "closed", _("closed")

    asked = SealedField(purpose=TEXT)
    digest = models.CharField(max_length=43)
    source = models.CharField(_("how it came in"), max_length=8, choices=Source.choices)
    form = models.OneToOneField(IssueForm, models.SET_NULL, null=True, related_name="unmatched")
    noted_at = models.DateTimeField(_("noted"), db_default=Now())
    how = models.CharField(_("end"), max_length=8, choices=End.choices, blank=True, default="", db_default="")
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    ticket = models.ForeignKey(RecoveryTicket, models.SET_NULL, null=True, related_name="+", verbose_name=_("ticket"))

    class Meta:
        verbose_name = _("unmatched request")
        verbose_name_plural = _("unmatched requests")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["digest"], condition=Q(ended_at=None), name="one_open_row_per_request")
        ]
        indexes = [models.Index(fields=["noted_at"], condition=Q(ended_at=None), name="unmatched_open")]

    def __str__(self) -> str:
        return f"{self.pk}"
