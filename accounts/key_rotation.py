"""Which of FIELD_KEYS the database needs, and how a key is retired: everything it sealed is sealed again."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Count

from accounts.models import FieldKey
from accounts.sealed import KeyIdField, Sealed
from common import keys

BATCH = 500  # rows read at a time; each is written by a statement of its own


def note_current() -> None:
    """Remember that the newest key is in use from now on."""
    FieldKey.objects.get_or_create(key_id=keys.current_key_id())


def lacking() -> list[str]:
    """The ids of keys that rows were written with and FIELD_KEYS does not hold."""
    used = FieldKey.objects.order_by("first_used_at").values_list("key_id", flat=True)
    return [one for one in used if one not in keys.key_ids()]


@dataclass(frozen=True)
class Column:
    """One encrypted column."""

    model: type[models.Model]
    field: Any  # a model field that is Sealed

    @property
    def name(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"

    def rows(self) -> Any:
        """Its rows that hold anything, as (id, bytes or text, purpose) in the order of their ids."""
        purpose = models.F(self.field.purpose_in) if self.field.purpose_in else models.Value(self.field.purpose)
        filled = self.model._default_manager.exclude(**{self.field.name: None}).order_by("pk")
        return filled.annotate(sealed_for=purpose).values_list("pk", self.field.name, "sealed_for")

    def rotate(self, batch: int = BATCH) -> Iterator[tuple[int, int]]:
        """Seal every row again with the newest key; yields (rows read, rows changed) a batch.

        A row that changed meanwhile keeps what it got. Stopped half-way it goes on where it was when called again.
        """
        last: Any = None
        while part := list((self.rows().filter(pk__gt=last) if last is not None else self.rows())[:batch]):
            last = part[-1][0]
            yield len(part), sum(self._rotate_row(*row) for row in part)

    def _rotate_row(self, pk: Any, old: Any, purpose: str) -> int:
        raw = old.encode() if isinstance(old, str) else bytes(old)
        new = keys.seal_again(purpose, raw) if raw else None
        if new is None:
            return 0
        same = self.model._default_manager.filter(pk=pk, **{self.field.name: old})
        return same.update(**{self.field.name: new.decode() if isinstance(old, str) else new})


def columns() -> list[Column]:
    """Every encrypted column of the program."""
    return [
        Column(model, field)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, Sealed)
    ]


def still_needed() -> dict[str, Counter[str]]:
    """Key id → how many rows of each kind still need it, because what was mailed was derived from it."""
    needed: dict[str, Counter[str]] = {}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, KeyIdField):
                live = model._default_manager.filter(field.live).order_by()
                for key_id, count in live.values_list(field.name).annotate(Count("pk")):
                    needed.setdefault(key_id, Counter())[str(model._meta.verbose_name_plural)] += count
    return needed


def retire() -> list[str]:
    """Forget every older key that nothing needs; returns their ids. Call it when all columns have been rotated."""
    unneeded = FieldKey.objects.exclude(key_id__in=[*still_needed(), keys.current_key_id()])
    gone = [str(one) for one in unneeded.values_list("key_id", flat=True)]
    unneeded.filter(key_id__in=gone).delete()
    return gone
