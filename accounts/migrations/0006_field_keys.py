"""Remembers which of FIELD_KEYS the rows were written with, so that a start with others is noticed."""

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Now


def note_keys(apps: Any, schema_editor: Any) -> None:
    """What is there already may have been written with any of today's keys."""
    from common import keys

    if apps.get_model("accounts", "User").objects.exists():
        field_key = apps.get_model("accounts", "FieldKey")
        field_key.objects.bulk_create([field_key(key_id=one) for one in keys.key_ids()])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_mails_are_counted")]
    operations = [
        migrations.CreateModel(
            name="FieldKey",
            fields=[
                ("key_id", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("first_used_at", models.DateTimeField(db_default=Now())),
            ],
        ),
        migrations.RunPython(note_keys, migrations.RunPython.noop),
    ]
