"""The status markers of PEP 792."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0012_deleted_files")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="status",
            field=models.CharField(
                choices=[
                    ("active", "active"),
                    ("archived", "archived"),
                    ("deprecated", "deprecated"),
                    ("quarantined", "in quarantine"),
                ],
                db_default="active",
                default="active",
                max_length=11,
                verbose_name="status",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="status_reason",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=500, verbose_name="why this status"
            ),
        ),
    ]
