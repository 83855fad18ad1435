"""What the page of sessions shows, and which browsers an account has signed in with."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField("session", "uid", models.UUIDField(null=True, db_index=True, editable=False)),
        migrations.AddField(
            "session",
            "signed_in_at",
            models.DateTimeField(null=True, editable=False, verbose_name="signed in at"),
        ),
        migrations.AddField(
            "session", "last_seen", models.DateTimeField(null=True, editable=False, verbose_name="last seen")
        ),
        migrations.AddField(
            "session",
            "network",
            models.CharField(blank=True, default="", editable=False, max_length=64, verbose_name="network"),
        ),
        migrations.AddField(
            "session",
            "device",
            models.CharField(blank=True, default="", editable=False, max_length=300, verbose_name="device"),
        ),
        migrations.CreateModel(
            name="Browser",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("first_seen", models.DateTimeField(db_default=Now(), verbose_name="first seen")),
                ("last_seen", models.DateTimeField(db_default=Now(), verbose_name="last seen")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="browsers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["last_seen"], name="browser_by_age")],
                "constraints": [models.UniqueConstraint(fields=("digest", "user"), name="browser_of_account")],
            },
        ),
    ]
