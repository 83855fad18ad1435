"""What a mail is counted as: five a day of one cause to one mailbox (accounts/mail/limits.py)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_never_reset_and_checkup")]

    operations = [
        migrations.AddField(
            "mail", "counted_as", models.CharField(blank=True, db_default="", editable=False, max_length=64)
        ),
        migrations.AddIndex(
            "mail",
            models.Index(
                condition=models.Q(("counted_as", ""), _negated=True), fields=["counted_as"], name="mail_counted"
            ),
        ),
    ]
