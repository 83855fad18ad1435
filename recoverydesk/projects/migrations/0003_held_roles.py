"""Roles on hold after a recovery that rested on an exception."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_uploaded_files")]

    operations = [
        migrations.AddField(
            model_name="role",
            name="held_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="on hold since"),
        ),
        migrations.AddField(
            model_name="role",
            name="held_for",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name="on hold for ticket"),
        ),
    ]
