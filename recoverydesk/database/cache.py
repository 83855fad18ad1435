"""Django's cache in the database, which does not pass trouble with the database off as an entry that is there.

Django's own says False to both; the rate limits then said "too many attempts" to people who had made one.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import OperationalError, connections, router

from recoverydesk.database.trouble import UNSURE


class Cache(DatabaseCache):
    """Django's, but a full disk or a line that breaks is raised as what it is."""

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> Any:
        """Write an entry, or leave one that is there. Raises OperationalError, InterfaceError, InternalError."""
        trouble: list[Exception] = []

        def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            try:
                return execute(sql, params, many, context)
            except UNSURE as error:
                trouble.append(error)
                raise

        connection = connections[router.db_for_write(self.cache_model_class)]
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        line = connection.connection
        with connection.execute_wrapper(watch):
            done = super()._base_set(mode, key, value, timeout)  # type: ignore[misc]
        if trouble:
            raise trouble[0]
        if connection.connection is not line:  # it broke at COMMIT; Django has taken a new one already
            raise OperationalError("the cache cannot be written")
        return done
