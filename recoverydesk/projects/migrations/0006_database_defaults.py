"""The database fills what a worker of the release before does not name."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0005_wheel_metadata'),
    ]

    operations = [
        migrations.AlterField(
            model_name='file',
            name='metadata_sha256',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=64),
        ),
        migrations.AlterField(
            model_name='file',
            name='requires_python',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='Python versions'),
        ),
        migrations.AlterField(
            model_name='file',
            name='stored_as',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=500),
        ),
    ]
