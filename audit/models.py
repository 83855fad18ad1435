"""The append-only log. No foreign keys: an event outlives everything it speaks of."""

import hashlib
import json

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from audit.staff_sentences import staff_sentence
from audit.tags import sentence_of


class Event(models.Model):
    """One thing that happened. Database triggers refuse to change or delete it (audit/triggers.py)."""

    time = models.DateTimeField(_("time"), db_default=Now(), db_index=True)
    tag = models.CharField(_("event"), max_length=64)
    actor_uid = models.UUIDField(null=True, db_index=True)
    actor_name = models.CharField(_("actor"), max_length=200)
    subject_uid = models.UUIDField(null=True)
    subject_name = models.CharField(_("subject"), max_length=200, blank=True)
    ticket = models.PositiveIntegerField(_("ticket"), null=True, db_index=True)
    project_uid = models.UUIDField(null=True, db_index=True)
    project_name = models.CharField(_("project"), max_length=200, blank=True)
    token_id = models.UUIDField(null=True)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)
    commitment = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["subject_uid", "-id"], name="event_of_subject"),
            models.Index(fields=["tag", "-id"], name="event_of_tag"),
            models.Index(Upper("actor_name"), name="event_actor_name"),  # the staff list's search ignores case
            models.Index(Upper("subject_name"), name="event_subject_name"),
            models.Index(fields=["token_id"], name="event_of_token", condition=Q(token_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.tag}"

    @property
    def staff_sentence(self) -> str:
        """What happened and who did it, for staff; the bare tag when this version no longer knows it."""
        return staff_sentence(self.tag, self.actor_name, self.subject_name, data=self.data)

    @property
    def sentence(self) -> str:
        """What happened, for people; the bare tag when this version no longer knows it."""
        return sentence_of(self.tag, self.data)


class EventDetail(models.Model):
    """Where an event came from. This row alone may be erased; its salted hash stays in the event."""

    event_id = models.BigIntegerField(unique=True)
    salt = models.CharField(max_length=64)
    network = models.CharField(_("network"), max_length=64, blank=True)
    device = models.CharField(_("device"), max_length=300, blank=True)
    address = models.CharField(_("address"), max_length=320, blank=True)

    class Meta:
        verbose_name = _("event detail")
        verbose_name_plural = _("event details")
        indexes = [models.Index(fields=["network"], name="detail_of_network")]

    def __str__(self) -> str:
        return f"detail of {self.event_id}"

    def commitment(self) -> str:
        """Return the SHA-256 (hex) over salt, network, device and address that the event must carry."""
        return commitment_of(self.salt, self.network, self.device, self.address)


def commitment_of(*columns: str) -> str:
    """SHA-256 (hex) over salt, network, device and address, in this order."""
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()


class Seal(models.Model):
    """One link of the signed chain over events (audit/chain/sealing.py). Triggers refuse to change or delete it.

    `entries` are the sealed events (40 bytes each: id, SHA-256 of every column), `gaps` the ids below `last_id` that
    a transaction may still bring in (audit/chain/gaps.py), `newest` the latest time of an event sealed so far.
    """

    number = models.BigIntegerField(primary_key=True)
    time = models.DateTimeField(_("time"))
    previous = models.CharField(max_length=64, blank=True)  # the hash of the seal before, empty in the first one
    last_id = models.BigIntegerField()  # every committed event up to this id is in this seal or an earlier one
    count = models.PositiveIntegerField(_("events"))
    newest = models.DateTimeField(null=True)
    imported = models.BooleanField(default=False)  # history brought in: its events may have any time
    entries = models.BinaryField()
    gaps = models.BinaryField()
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=128)

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"seal {self.number}"


class Checkpoint(models.Model):
    """A seal whose hash has left the database, written down after the file has it for certain. Insert-only too."""

    seal = models.BigIntegerField()
    file = models.CharField(max_length=32)  # the file's own random name, its first line
    place = models.CharField(max_length=500)  # host and path
    time = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["file", "seal"], name="checkpoint_of_file")]

    def __str__(self) -> str:
        return f"checkpoint of seal {self.seal}"


class Outlet(models.Model):
    """A way for checkpoints to leave besides the file: the mail to the operators, the sink (audit/chain/outlets.py)."""

    name = models.CharField(_("name"), max_length=32, unique=True)
    seal = models.BigIntegerField(default=0, db_default=0)  # the last one that was handed over
    handed_at = models.DateTimeField(_("handed over"), null=True)
    left = models.BigIntegerField(default=0, db_default=0)  # the last one that has left for certain
    left_at = models.DateTimeField(_("left"), null=True)
    next_try = models.DateTimeField(db_default=Now())
    failures = models.PositiveIntegerField(default=0, db_default=0)  # in a row
    error = models.CharField(max_length=300, blank=True, default="", db_default="")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
