"""The database fills what a worker of the release before does not name."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0002_what_a_token_may_do'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apitoken',
            name='caveats',
            field=models.JSONField(blank=True, db_default=[], default=list, editable=False, verbose_name='caveats'),
        ),
        migrations.AlterField(
            model_name='apitoken',
            name='last_used_from',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='last used on network'),
        ),
        migrations.AlterField(
            model_name='apitoken',
            name='location',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=253),
        ),
        migrations.AlterField(
            model_name='apitoken',
            name='project_name',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=100, verbose_name='project'),
        ),
        migrations.AlterField(
            model_name='apitoken',
            name='sealed_key',
            field=models.BinaryField(db_default=b'', default=bytes),
        ),
    ]
