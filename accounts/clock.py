"""The one clock that decides anything: the database's. (The log, which may import nobody, keeps it.)"""

from audit.clock import database_now

__all__ = ["database_now"]
