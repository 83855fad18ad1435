"""A sign-in during a request raises its doubt and holds nothing up (ADR 0120)."""

from typing import Any

from django.db import migrations, models


def to_ours(apps: Any, schema_editor: Any) -> None:
    """What waited for the account's owner waits for us, as a dispute does; the sweep moves on what lacks nothing."""
    rows = apps.get_model("recovery", "RecoveryTicket").objects
    rows.filter(closed_at=None).exclude(blocked_at=None).update(signed_in_at=models.F("blocked_at"))
    rows.filter(turn="subject").update(turn="ours")


class Migration(migrations.Migration):
    dependencies = [
        ("recovery", "0014_ladder"),
    ]

    operations = [
        migrations.AddField(
            model_name="recoveryticket",
            name="signed_in_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="signed in meanwhile"),
        ),
        migrations.AlterField(
            model_name="recoveryticket",
            name="turn",
            field=models.CharField(
                choices=[
                    ("ours", "Our turn"),
                    ("theirs", "Their turn"),
                    ("clock", "The clock's"),
                    ("nobody", "Nobody's"),
                ],
                default="ours",
                max_length=8,
                verbose_name="whose turn",
            ),
        ),
        migrations.RunPython(to_ours, migrations.RunPython.noop),
    ]
