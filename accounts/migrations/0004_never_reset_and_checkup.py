"""The owner's "never reset my second factors", the half-yearly question, and the right to freeze an account."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_codes_proved_saved")]

    operations = [
        migrations.AddField(
            "user",
            "never_reset",
            models.BooleanField(default=False, editable=False, verbose_name="never reset second factors"),
        ),
        migrations.AddField(
            "user",
            "never_reset_ends",
            models.DateTimeField(editable=False, null=True, verbose_name="can be reset again from"),
        ),
        migrations.AddField(
            "user",
            "checkup_at",
            models.DateTimeField(
                db_default=Now(), editable=False, verbose_name="last asked whether they can still get in"
            ),
        ),
        migrations.AddIndex("user", models.Index(fields=["checkup_at"], name="account_by_checkup")),
        migrations.AddIndex(
            "user",
            models.Index(
                condition=models.Q(("never_reset_ends__isnull", False)),
                fields=["never_reset_ends"],
                name="never_reset_ending",
            ),
        ),
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [("freeze_user", "Can freeze and unfreeze accounts")],
                "verbose_name": "account",
                "verbose_name_plural": "accounts",
            },
        ),
    ]
