"""A number that grows with every change of what the index shows of a project."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0006_database_defaults'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='serial',
            field=models.BigIntegerField(db_default=0, editable=False),
        ),
    ]
