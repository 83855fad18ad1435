"""A session's row will hold a digest of the key; a SHA-256 in hex needs 64 characters."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_factor_failures")]

    operations = [
        migrations.AlterField(
            "session",
            "session_key",
            models.CharField(
                max_length=64, primary_key=True, serialize=False, verbose_name="digest of the session key"
            ),
        ),
        migrations.AlterField("session", "session_data", models.TextField(verbose_name="encrypted session data")),
    ]
