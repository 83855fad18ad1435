"""What hangs on the log's tables and is not ours: a trigger or a rule that drops or changes rows as they are written.

Replication that works by triggers (Slony, Bucardo) shows here too: replicate the log by the server's own means.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from audit.triggers import TABLES, TRIGGERS

_OURS = "({})".format(", ".join(f"to_regclass('{table}')" for table in TABLES))
_NAMES = "({})".format(", ".join(f"'{table}'" for table in TABLES))
FOUND = {
    "sqlite": f"""
        SELECT type, name, lower(tbl_name) FROM sqlite_master
        WHERE type = 'trigger' AND lower(tbl_name) IN {_NAMES}
            OR type NOT IN ('table', 'trigger', 'index') AND lower(name) IN {_NAMES}
    """,  # noqa: S608 - our own table names
    "postgresql": f"""
        SELECT 'trigger', tgname, tgrelid::regclass::text FROM pg_catalog.pg_trigger WHERE tgrelid IN {_OURS}
        UNION ALL SELECT 'rule', rulename, ev_class::regclass::text FROM pg_catalog.pg_rewrite WHERE ev_class IN {_OURS}
        UNION ALL SELECT 'row policy', polname, polrelid::regclass::text FROM pg_catalog.pg_policy
            WHERE polrelid IN {_OURS}
        UNION ALL SELECT 'row security', 'switched on', oid::regclass::text FROM pg_catalog.pg_class
            WHERE oid IN {_OURS} AND (relrowsecurity OR relforcerowsecurity)
        UNION ALL SELECT 'table inherited by', inhrelid::regclass::text, inhparent::regclass::text
            FROM pg_catalog.pg_inherits WHERE inhparent IN {_OURS} OR inhrelid IN {_OURS}
        UNION ALL SELECT 'no plain table', relkind::text, oid::regclass::text FROM pg_catalog.pg_class
            WHERE oid IN {_OURS} AND relkind <> 'r'
    """,  # noqa: S608 - our own table names
}


def found(connection: BaseDatabaseWrapper) -> list[str]:
    """Each as "trigger NAME on TABLE", in order; empty when all is well."""
    ours = {("trigger", trigger.name, trigger.table) for trigger in TRIGGERS[connection.vendor]}
    with connection.cursor() as cursor:
        cursor.execute(FOUND[connection.vendor])
        rows = [(str(kind), str(name), str(table)) for kind, name, table in cursor.fetchall()]
    return sorted(f"{kind} {name} on {table}" for kind, name, table in rows if (kind, name, table) not in ours)
