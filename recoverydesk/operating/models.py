"""What operators' timers did last."""

from django.db import models
from django.db.models.functions import Now


class LastRun(models.Model):
    """When a command of LASTING last ended, and how (recoverydesk/operating/last_runs.py)."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(db_default=Now())
    code = models.PositiveSmallIntegerField(db_default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.code}"
