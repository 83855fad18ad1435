"""The SHA-256 of a wheel's METADATA, which the index offers beside the wheel (PEP 658)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_look_alike_names")]

    operations = [
        migrations.AddField(
            model_name="file",
            name="metadata_sha256",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
            preserve_default=False,
        )
    ]
