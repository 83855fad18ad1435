"""Releases that were uploaded and not published. Nothing here is in the index, and nothing here is evidence."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from recoverydesk.projects.models import VERSION_LENGTH, Project

LASTS = timedelta(days=7)
AFTER_RECOVERY = timedelta(hours=72)


class StagedRelease(models.Model):
    """The files of one version that wait for an owner; ended, it says how. `uid` is what addresses call it.

    `opened_by` is the API token of its first file. `after_recovery`: a file of it was staged while somebody of the
    project had the limits of a recovery, whatever the project's setting.
    """

    class State(models.TextChoices):
        STAGED = "staged", _("staged")
        PUBLISHED = "published", _("published")
        DISCARDED = "discarded", _("discarded")
        EXPIRED = "expired", _("expired")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="staged", verbose_name=_("project"))
    version = models.CharField(_("version"), max_length=VERSION_LENGTH)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.STAGED, db_default="staged")
    staged_at = models.DateTimeField(_("staged"), db_default=Now(), editable=False)
    opened_by = models.UUIDField(editable=False)
    after_recovery = models.BooleanField(default=False, db_default=False, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("ended by")
    )

    class Meta:
        verbose_name = _("staged release")
        verbose_name_plural = _("staged releases")
        indexes = [models.Index(fields=["staged_at"], condition=Q(state="staged"), name="staged_waiting")]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"], condition=Q(state="staged"), name="staged_once_per_version"
            ),
        ]

    def __str__(self) -> str:
        return self.version

    @property
    def waits(self) -> bool:
        return self.state == self.State.STAGED

    @property
    def ends_at(self) -> datetime:
        """When it expires unless somebody publishes or discards it."""
        return self.staged_at + LASTS


class StagedFile(models.Model):
    """One file of a staged release, as `projects.File` will be, and who staged it with which token.

    `stored_as` is a place of its own in the default storage. `live` until the release ends: so long nobody else may
    stage or upload its name or its bytes. `event` is the one about its upload, whose details tell the network. `urls`
    and `about` are what the file says of its release (`published.AboutFact`).
    """

    release = models.ForeignKey(StagedRelease, on_delete=models.CASCADE, related_name="files")
    filename = models.CharField(_("file name"), max_length=255)
    packagetype = models.CharField(_("type"), max_length=32)
    size = models.BigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    requires_python = models.CharField(max_length=200, blank=True, default="")
    metadata_sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    stored_as = models.CharField(max_length=500, editable=False)
    staged_at = models.DateTimeField(_("staged"), db_default=Now(), editable=False)
    stager = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    token = models.UUIDField(editable=False)
    event = models.PositiveBigIntegerField(editable=False)
    live = models.BooleanField(default=True, db_default=True, editable=False)
    urls = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    about = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))

    class Meta:
        verbose_name = _("staged file")
        verbose_name_plural = _("staged files")
        constraints = [
            models.UniqueConstraint(fields=["filename"], condition=Q(live=True), name="staged_file_once_per_name"),
            models.UniqueConstraint(fields=["sha256"], condition=Q(live=True), name="staged_file_once_per_sha256"),
        ]

    def __str__(self) -> str:
        return self.filename
