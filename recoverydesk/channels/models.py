"""What arrived by a channel and what became of it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.mail.models import Request
from accounts.sealed import SealedField

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
        return self.url or f"{self.pk}"
