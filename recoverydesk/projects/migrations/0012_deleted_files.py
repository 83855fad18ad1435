"""A file can be deleted alone; its row stays, so that its name and bytes stay taken."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0011_about_releases")]

    operations = [
        migrations.AddField(
            model_name="file",
            name="deleted_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="deleted"),
        ),
    ]
