"""The one clock that decides anything: the database's."""

from datetime import UTC, datetime

from django.db import connection

CLOCKS = {
    "postgresql": "SELECT clock_timestamp()",  # moves inside a transaction, unlike CURRENT_TIMESTAMP
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
}


def database_now() -> datetime:
    """Return the database's time, aware, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute(CLOCKS[connection.vendor])
        value = cursor.fetchone()[0]
    if isinstance(value, str):
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC)  # type: ignore[no-any-return]
