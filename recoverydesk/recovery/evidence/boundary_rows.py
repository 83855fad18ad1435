"""Writes the frozen boundaries of a new ticket: one statement with one parameter for all of them (ADR 0088).

Opening is the dearest thing a stranger can make us do, and most of it would go into a few hundred model rows and their
thousands of parameters.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import JSONField

from recoverydesk.recovery.evidence.boundaries import FrozenBoundary
from recoverydesk.recovery.models import Boundary, RecoveryTicket

FROM = {"postgresql": "jsonb_array_elements(%s::jsonb) AS one", "sqlite": "json_each(%s)"}


def write(ticket: RecoveryTicket, frozen: Iterable[FrozenBoundary]) -> None:
    """Insert one row per boundary, added when the ticket was opened."""
    rows = [boundary.as_fields() for boundary in frozen]
    if not rows:
        return
    own = [field for field in Boundary._meta.concrete_fields if field.name in rows[0]]
    same = _same(Boundary(ticket=ticket, added_at=ticket.opened_at), own)
    columns = ", ".join(connection.ops.quote_name(name) for name in (*same, *(str(field.column) for field in own)))
    values = ", ".join(["%s"] * len(same) + [_read(field, place) for place, field in enumerate(own)])
    statement = f'INSERT INTO "{Boundary._meta.db_table}" ({columns}) SELECT {values} FROM {FROM[connection.vendor]}'  # noqa: S608 - names of ours
    with connection.cursor() as cursor:
        cursor.execute(statement, [*same.values(), json.dumps([[row[field.name] for field in own] for row in rows])])


def _same(model: Boundary, own: Sequence[Any]) -> dict[str, Any]:
    """The columns that are the same in every row, with their values."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key and field not in own]
    values = {
        str(field.column): field.get_db_prep_save(field.pre_save(model, add=True), connection) for field in fields
    }
    return {column: value for column, value in values.items() if value is not None}


def _read(field: Any, place: int) -> str:
    if connection.vendor == "sqlite":
        return f"json_extract(value, '$[{place}]')"
    return f"one->{place}" if isinstance(field, JSONField) else f"one->>{place}"
