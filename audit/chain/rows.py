"""Reads events exactly as the database has them."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from audit.chain import encoding


def fetch(condition: str, params: Sequence[Any]) -> list[encoding.EventRow]:
    """The events (`e`) of a WHERE clause of our own words, with whatever follows it."""
    vendor = connection.vendor
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {encoding.selected(vendor)} FROM audit_event e WHERE {condition}",  # noqa: S608 - our own words
            params,
        )
        return [encoding.read_row(raw, vendor) for raw in cursor.fetchall()]
