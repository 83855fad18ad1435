"""Tickets and chores are leased to one worker of the sweep at a time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recovery", "0011_database_defaults"),
    ]

    operations = [
        migrations.AddField(
            model_name="recoveryticket",
            name="lease",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="recoveryticket",
            name="leased_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Chore",
            fields=[
                ("lease", models.UUIDField(editable=False, null=True)),
                ("leased_until", models.DateTimeField(editable=False, null=True)),
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
