from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit import triggers
from audit.chain import sealing, strangers
from audit.chain.findings import Kind
from audit.chain.verifying import verify
from audit.log import RequestOrigin, record
from audit.models import Event, EventDetail, Seal
from audit.tags import Tag
from tests.helpers.sealed import Somebody

pytestmark = pytest.mark.django_db
REFUSED = "the audit log is append-only"
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="a statement of SQLite's own")


@pytest.fixture
def event(who: Somebody) -> Event:
    return record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=who, subject=who, origin=RequestOrigin(network="203.0.113.7"))


def run(sql: str, params: Any = None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


@pytest.mark.parametrize("column", [field.column for field in Event._meta.fields])
def test_no_column_of_an_event_can_be_updated(event: Event, column: str) -> None:
    with pytest.raises(DatabaseError, match=REFUSED):
        run(f"UPDATE audit_event SET {column} = {column}")


def test_an_event_cannot_be_saved_again(event: Event) -> None:
    event.tag = Tag.ACCOUNT_LOGOUT
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        event.save()


def test_an_event_cannot_be_deleted(event: Event) -> None:
    with pytest.raises(DatabaseError, match=REFUSED):
        run("DELETE FROM audit_event")
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        event.delete()
    assert Event.objects.count() == 1


@pytest.mark.parametrize("table", ["audit_event", "audit_eventdetail"])
def test_an_insert_cannot_turn_into_an_update(event: Event, table: str) -> None:
    model = Event if table == "audit_event" else EventDetail
    columns = [str(field.column) for field in model._meta.fields]
    names = ", ".join(columns)
    with pytest.raises(DatabaseError, match=REFUSED):
        run(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE true "
            f"ON CONFLICT (id) DO UPDATE SET {columns[1]} = excluded.{columns[1]}"
        )


def test_a_detail_can_be_erased_but_not_changed(event: Event) -> None:
    with pytest.raises(DatabaseError, match=REFUSED):
        run("UPDATE audit_eventdetail SET network = '198.51.100.1'")
    assert EventDetail.objects.filter(event_id=event.id).delete()[0] == 1


@only_sqlite
@pytest.mark.parametrize("table", ["audit_event", "audit_eventdetail"])
def test_an_id_cannot_be_replaced_on_sqlite(event: Event, table: str) -> None:
    with pytest.raises(DatabaseError, match=REFUSED):
        run(f"REPLACE INTO {table} SELECT * FROM {table}")


@pytest.mark.postgres
def test_the_log_cannot_be_truncated_on_postgresql(event: Event) -> None:
    with pytest.raises(DatabaseError, match=REFUSED):
        run("TRUNCATE audit_event")


@pytest.mark.postgres
def test_passing_for_a_replica_opens_nothing(event: Event) -> None:
    run("SET LOCAL session_replication_role = replica")
    with pytest.raises(DatabaseError, match=REFUSED):
        run("DELETE FROM audit_event")


def test_all_triggers_are_there_after_migrating() -> None:
    assert triggers.missing(connection) == []


@pytest.mark.parametrize("trigger", triggers.TRIGGERS[connection.vendor], ids=lambda trigger: trigger.name)
def test_a_dropped_trigger_is_missed_and_put_back(trigger: triggers.Trigger) -> None:
    table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER {trigger.name}{table}")
    assert triggers.missing(connection) == [trigger.name]
    triggers.install(connection)
    assert triggers.missing(connection) == []


def test_a_trigger_gone_soft_is_missed() -> None:
    trigger = triggers.TRIGGERS[connection.vendor][0]
    if connection.vendor == "postgresql":
        run(f"ALTER TABLE audit_event DISABLE TRIGGER {trigger.name}")
    else:
        run(f"DROP TRIGGER {trigger.name}")
        run(trigger.sql.replace(" BEGIN ", " WHEN 0 BEGIN "))
    assert triggers.missing(connection) == [trigger.name]


@pytest.mark.postgres
def test_a_function_gone_soft_is_missed() -> None:
    run("CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    of_it = [trigger.name for trigger in triggers.TRIGGERS["postgresql"] if trigger.function == triggers.REFUSE]
    assert triggers.missing(connection) == of_it


def test_migrating_again_puts_lost_triggers_back() -> None:
    trigger = triggers.TRIGGERS[connection.vendor][1]
    table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER {trigger.name}{table}")
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert triggers.missing(connection) == []


def test_lifting_is_over_when_the_block_ends(event: Event) -> None:
    with triggers.lifted(connection):
        run("DELETE FROM audit_event")
    assert not Event.objects.exists()
    assert triggers.missing(connection) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", [1, 2])
def test_transactional_tests_start_with_an_empty_log_and_whole_triggers(who: Somebody, round_: int) -> None:
    assert not Event.objects.exists()
    assert triggers.missing(connection) == []
    record(Tag.ACCOUNT_LOGOUT, actor=who, round=round_)


# The order of seals --------------------------------------------------------------------------------------------------

COLUMNS = "time, previous, last_id, count, newest, imported, entries, gaps, key_id, signature"


def insert_seal(number: int) -> None:
    run(f"INSERT INTO audit_seal (number, {COLUMNS}) SELECT {number}, {COLUMNS} FROM audit_seal WHERE number = 2")


@pytest.fixture
def seals(event: Event) -> None:
    for _ in range(3):
        record(Tag.FILE_ADD, actor="system")
        sealing.seal()
    assert Seal.objects.count() == 3


@pytest.mark.parametrize("number", [3, 2, 1, 0, -1])
def test_no_seal_comes_below_the_newest(seals: None, number: int) -> None:
    with pytest.raises(IntegrityError):
        insert_seal(number)


@pytest.mark.postgres
def test_only_a_superuser_of_the_database_may_leave_numbers_out(seals: None) -> None:
    run("CREATE ROLE desk_of_this_test")
    run("GRANT SELECT, INSERT ON audit_seal TO desk_of_this_test")
    run("SET LOCAL ROLE desk_of_this_test")
    with pytest.raises(DatabaseError, match="only a superuser of the database may record a restore"):
        insert_seal(5)
    insert_seal(4)
    run("RESET ROLE")
    insert_seal(9)
    assert list(Seal.objects.values_list("number", flat=True).order_by("number")) == [1, 2, 3, 4, 9]


# What is not ours ----------------------------------------------------------------------------------------------------

DROPS = "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
EVIL = "CREATE TRIGGER evil BEFORE INSERT ON audit_event FOR EACH ROW "
PLANTED = {
    "sqlite": [
        f"{EVIL}WHEN NEW.actor_name = 'mallory' BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER evil AFTER INSERT ON AUDIT_EVENT BEGIN DELETE FROM audit_eventdetail; END",
        "CREATE TRIGGER evil BEFORE DELETE ON audit_eventdetail BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER evil BEFORE INSERT ON audit_seal BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER audit_event_no_update2 BEFORE INSERT ON audit_checkpoint BEGIN SELECT 1; END",
    ],
    "postgresql": [
        f"{DROPS}{EVIL}EXECUTE FUNCTION evil()",
        f"{DROPS}{EVIL}EXECUTE FUNCTION evil(); ALTER TABLE audit_event DISABLE TRIGGER evil",
        f"{DROPS}{EVIL}EXECUTE FUNCTION evil(); ALTER TABLE audit_event ENABLE REPLICA TRIGGER evil",
        f"{DROPS}CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON audit_seal FOR EACH ROW EXECUTE FUNCTION evil()",
        f"{DROPS}CREATE TRIGGER audit_event_no_update BEFORE INSERT ON audit_checkpoint EXECUTE FUNCTION evil()",
        "CREATE RULE evil AS ON INSERT TO audit_event WHERE NEW.actor_name = 'mallory' DO INSTEAD NOTHING",
        "CREATE RULE evil AS ON DELETE TO audit_eventdetail DO ALSO SELECT 1",
        "CREATE POLICY evil ON audit_event USING (actor_name <> 'mallory')",
        "ALTER TABLE audit_seal ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE evil () INHERITS (audit_event)",
    ],
}


@pytest.mark.parametrize("planted", PLANTED[connection.vendor])
def test_what_hangs_on_the_logs_tables_and_is_not_ours_is_tampering(event: Event, planted: str) -> None:
    assert (strangers.found(connection), verify().findings) == ([], [])
    run(planted)
    assert len(strangers.found(connection)) == 1
    kinds = {finding.kind for finding in verify().findings}
    assert Kind.TRIGGER_FOREIGN in kinds
    assert kinds <= {Kind.TRIGGER_FOREIGN, Kind.TRIGGER_MISSING}
