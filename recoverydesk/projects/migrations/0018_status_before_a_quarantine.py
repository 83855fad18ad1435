from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0017_search")]
    operations = [
        migrations.AddField(
            "project",
            "status_before",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=11),
        ),
        migrations.AddField(
            "project",
            "reason_before",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=500),
        ),
    ]
