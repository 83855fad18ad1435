"""Repositories too young to count are kept beside those that do, to be shown."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recovery', '0007_heartbeat'),
    ]

    operations = [
        migrations.AddField(
            model_name='boundary',
            name='young_repositories',
            field=models.JSONField(default=list),
        ),
    ]
