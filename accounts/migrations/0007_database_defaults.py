"""The database fills what a worker of the release before does not name."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_field_keys'),
    ]

    operations = [
        migrations.AlterField(
            model_name='session',
            name='device',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=300, verbose_name='device'),
        ),
        migrations.AlterField(
            model_name='session',
            name='network',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=64, verbose_name='network'),
        ),
        migrations.AlterField(
            model_name='user',
            name='never_reset',
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name='never reset second factors'),
        ),
    ]
