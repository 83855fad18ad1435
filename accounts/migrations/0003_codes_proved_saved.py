"""When somebody typed one of their recovery codes to show that they are saved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_sessions_and_browsers")]

    operations = [
        migrations.AddField(
            "recoverycodedevice",
            "proved_at",
            models.DateTimeField(editable=False, null=True, verbose_name="codes saved, shown at"),
        ),
    ]
