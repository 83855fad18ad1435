"""Wrong second factors in a row, per device."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_database_defaults")]

    operations = [
        migrations.CreateModel(
            name="FactorFailures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device", models.CharField(editable=False, max_length=200, unique=True)),
                (
                    "failures",
                    models.PositiveIntegerField(db_default=0, editable=False, verbose_name="failures in a row"),
                ),
                ("off_at", models.DateTimeField(editable=False, null=True, verbose_name="switched off at")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="factor_failures",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
