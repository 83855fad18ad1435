"""What releases say about themselves: told from now on, by uploads and imports."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("projects", "0010_yanked_releases"),
    ]

    operations = [
        migrations.CreateModel(
            name="About",
            fields=[
                ("release", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="about", serialize=False, to="projects.release")),
                ("summary", models.CharField(blank=True, db_default="", default="", max_length=512)),
                ("description", models.TextField(blank=True, db_default="", default="")),
                ("content_type", models.CharField(blank=True, db_default="", default="", max_length=100)),
                ("license", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("requires", models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ("html", models.TextField(editable=False, null=True)),
            ],
        ),
    ]
