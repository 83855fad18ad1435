"""Looking at the figures is a right, which the groups of staff get (recovery/permissions.py)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("statistics", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="figures",
            options={"default_permissions": ("view",), "verbose_name": "figures", "verbose_name_plural": "figures"},
        ),
    ]
