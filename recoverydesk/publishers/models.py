"""Trusted publishers, the keys of issuers, and the ids of tokens that were used."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from recoverydesk.projects import names
from recoverydesk.projects.models import Project


class Publisher(models.Model):
    """A workflow that may publish in the name of `added_by`, who owns the project: what it must say about itself.

    Without a project it waits for a first release under `wanted` (a normalised name). `owner_id` and `repository_id`
    are the host's numbers, kept from the first token on; empty until then. `key` is what shapes.py finds it by.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, null=True, related_name="publishers", verbose_name=_("project")
    )
    wanted = models.CharField(max_length=names.MAX_LENGTH, blank=True)
    issuer = models.CharField(_("issuer"), max_length=200)
    repository = models.CharField(_("repository"), max_length=500, blank=True)
    workflow = models.CharField(_("workflow"), max_length=255, blank=True)
    environment = models.CharField(_("environment"), max_length=255, blank=True)
    claims = models.JSONField(default=list)
    key = models.CharField(max_length=64)
    owner_id = models.CharField(max_length=64, blank=True)
    repository_id = models.CharField(max_length=64, blank=True)
    pinned_at = models.DateTimeField(_("bound"), null=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="publishers", verbose_name=_("added by")
    )
    created_at = models.DateTimeField(_("added"), db_default=Now())
    last_used_at = models.DateTimeField(_("last used"), null=True)
    held_at = models.DateTimeField(_("on hold since"), null=True)

    class Meta:
        verbose_name = _("trusted publisher")
        verbose_name_plural = _("trusted publishers")
        indexes = [models.Index(fields=["key"], name="publisher_by_key")]
        constraints = [
            models.UniqueConstraint(fields=["project", "key", "environment"], name="publisher_once_per_project"),
            models.CheckConstraint(condition=Q(project=None) ^ Q(wanted=""), name="publisher_of_a_project_or_a_name"),
        ]

    def __str__(self) -> str:
        return self.repository or ", ".join(f"{name}={value}" for name, value in self.claims)


class IssuerKeys(models.Model):
    """The public keys of an issuer as it last gave them, for every process; `tried_at` is when it was last asked."""

    issuer = models.CharField(max_length=200, primary_key=True)
    jwks = models.TextField(blank=True)
    fetched_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.issuer


class UsedIdToken(models.Model):
    """The digest of issuer and `jti` of a token that was swapped: it is swapped no second time."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest
