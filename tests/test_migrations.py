"""The release before a migration goes on working while the new one starts: its workers write rows without new columns.

tests/data/last_release.json names the newest migrations of the last release, and the rooms
that have got tables since. Change it when a version is released.
"""

import json
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader

from recoverydesk.populating import build
from recoverydesk.populating.registry import Sizes
from tests.helpers.files import ROOT

LAST_RELEASE = json.loads((ROOT / "tests" / "data" / "last_release.json").read_text())
ROOMS = sorted([*LAST_RELEASE["migrations"], *LAST_RELEASE["rooms_since"]])  # the others had no table then
LOADER = MigrationLoader(None)
OURS = [LOADER.get_migration(*key) for key in sorted(LOADER.graph.nodes) if key[0] in ROOMS]
OLD = LOADER.project_state(sorted(LAST_RELEASE["migrations"].items())).apps
FILLED = [model._meta.label_lower for model in build.TABLES if model._meta.app_label in ROOMS]


def test_every_room_with_tables_is_looked_at() -> None:
    rooms = {
        one.label for one in apps.get_app_configs() if str(one.path).startswith(str(ROOT)) and ".venv" not in one.path
    }
    assert rooms & {label for label, _name in LOADER.graph.nodes} == set(ROOMS)


def lacks_default(field: Any) -> bool:
    """Whether a row that does not name this column is refused."""
    return not field.null and not field.many_to_many and field.db_default is models.NOT_PROVIDED


def added_later(migration: migrations.Migration) -> list[tuple[str, str]]:
    """Model and name of each column that a migration adds to a table that was there before."""
    made = {one.name_lower for one in migration.operations if isinstance(one, migrations.CreateModel)}
    added = [one for one in migration.operations if isinstance(one, migrations.AddField)]
    return [(one.model_name_lower, one.name) for one in added if one.model_name_lower not in made]


@pytest.mark.parametrize("migration", OURS, ids=str)
def test_a_column_added_to_a_table_has_a_default_in_the_database(migration: migrations.Migration) -> None:
    for model, name in added_later(migration):
        field = apps.get_model(migration.app_label, model)._meta.get_field(name)
        assert not lacks_default(field), f"{migration}: give {model}.{name} null=True or a db_default"


@pytest.mark.parametrize("migration", OURS, ids=str)
def test_no_column_that_took_null_is_closed_to_it(migration: migrations.Migration) -> None:
    """The release before writes NULL: first a release that does not, then the migration that forbids it."""
    before = LOADER.project_state((migration.app_label, migration.name), at_end=False)
    for one in migration.operations:
        if isinstance(one, migrations.AlterField):
            was = before.models[migration.app_label, one.model_name_lower].fields.get(one.name)
            assert was is None or not was.null or one.field.null, f"{migration}: {one.model_name}.{one.name}"


@pytest.mark.django_db
@pytest.mark.parametrize("model", OLD.get_models(), ids=lambda model: model._meta.label)
def test_the_last_releases_tables_take_its_rows(model: type[models.Model]) -> None:
    """Asked of the database: every column it writes is there, every other one has a default or takes NULL."""
    if model._meta.app_label not in ROOMS:
        return
    with connection.cursor() as cursor:
        there = {one.name: one for one in connection.introspection.get_table_description(cursor, model._meta.db_table)}
    writes = {field.column for field in model._meta.local_concrete_fields}
    assert writes <= there.keys()
    for name in there.keys() - writes:
        assert there[name].null_ok or there[name].default is not None, f"{model._meta.db_table}.{name}"


@pytest.mark.django_db
def test_rows_of_today_can_be_written_by_the_last_release() -> None:
    """Its columns alone, each row in its place: the constraints of today must take them."""
    build.build(
        Sizes(users=30, projects=20, releases=30, tickets=60, events=20), seed=3, started=lambda _: lambda _: None
    )
    with transaction.atomic():
        for model in [OLD.get_model(label) for label in FILLED if label in _labels()]:
            rows = list(model._base_manager.all()[:200])
            assert rows, model
            if model._meta.label_lower != "audit.event":  # nobody deletes those
                model._base_manager.filter(pk__in=[row.pk for row in rows])._raw_delete(connection.alias)
            else:
                _number_anew(rows)
            model._base_manager.bulk_create(rows)


def _labels() -> set[str]:
    return {model._meta.label_lower for model in OLD.get_models()}


def _number_anew(rows: list[Any]) -> None:
    for row in rows:
        row.pk, row._state.adding = None, True
