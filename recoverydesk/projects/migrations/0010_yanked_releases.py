"""A whole release can be yanked, and why stands beside it (PEP 592)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0009_resting_roles")]

    operations = [
        migrations.AddField(
            model_name="release",
            name="yanked",
            field=models.BooleanField(db_default=False, default=False, verbose_name="yanked"),
        ),
        migrations.AddField(
            model_name="release",
            name="yanked_reason",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=500, verbose_name="why yanked"
            ),
        ),
        migrations.AddField(
            model_name="file",
            name="yanked_reason",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=500, verbose_name="why yanked"
            ),
        ),
    ]
