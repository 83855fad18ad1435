"""The figures, computed in the background and kept in one row."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Figures(models.Model):
    """The one row: tables of figures as JSON, when they were computed and when they are due again."""

    made_at = models.DateTimeField(_("computed"), null=True)
    due_at = models.DateTimeField(db_default=Now())
    tables = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("figures")
        verbose_name_plural = _("figures")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"figures of {self.made_at}"
