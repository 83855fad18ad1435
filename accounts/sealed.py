"""Columns whose contents need FIELD_KEYS. `rotate_keys` finds them by their class, so that none can be forgotten."""

from typing import Any

from django.db import models

SESSION = "session"  # what a session knows


class Sealed:
    """Encrypted contents (common/keys.py). `purpose` names their key, or `purpose_in` the column that does."""

    def __init__(self, *args: Any, purpose: str = "", purpose_in: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.purpose, self.purpose_in = purpose, purpose_in


class SealedField(Sealed, models.BinaryField[Any, Any]):
    """Encrypted bytes."""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """For migrations it is a plain column: the purpose changes nothing in the database."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.BinaryField", args, options


class SealedTextField(Sealed, models.TextField[Any, Any]):
    """Encrypted bytes in a column of text; what encryption makes is ASCII."""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """For migrations it is a plain column."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options


class KeyIdField(models.CharField[Any, Any]):
    """The id of the FIELD_KEYS entry from which something mailed was derived, which nobody can encrypt again.

    `live` says which rows still need it.
    """

    def __init__(self, *args: Any, live: models.Q | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.live = live or models.Q()

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """For migrations it is a plain column."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options
