"""Which boundaries count as the subject's own. So far all that were frozen when the ticket opened did."""

from typing import Any

from django.db import migrations, models


def mark(apps: Any, schema_editor: Any) -> None:
    """Only what was frozen: neither staff's additions nor those of roles gained since."""
    rows = apps.get_model("recovery", "Boundary").objects.filter(kind="asked", added_by=None)
    rows.filter(added_at__lte=models.F("ticket__opened_at")).update(own=True)


class Migration(migrations.Migration):
    dependencies = [
        ("recovery", "0009_objection_settled"),
    ]

    operations = [
        migrations.AddField(
            model_name="boundary",
            name="own",
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
