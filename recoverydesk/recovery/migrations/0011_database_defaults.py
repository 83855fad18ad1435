"""The database fills what a worker of the release before does not name."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recovery', '0010_own_boundaries'),
    ]

    operations = [
        migrations.AlterField(
            model_name='boundary',
            name='added_reason',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AlterField(
            model_name='boundary',
            name='own',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name='boundary',
            name='young_repositories',
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AlterField(
            model_name='codehost',
            name='asked',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='checks that day'),
        ),
        migrations.AlterField(
            model_name='codehost',
            name='described',
            field=models.BooleanField(db_default=True, default=True, verbose_name='described by staff'),
        ),
        migrations.AlterField(
            model_name='codehost',
            name='failures',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='failures in a row'),
        ),
        migrations.AlterField(
            model_name='codehost',
            name='protocol',
            field=models.CharField(blank=True, choices=[('v2-direct', 'v2-direct'), ('v2', 'v2'), ('v0', 'v0'), ('dumb', 'dumb'), ('hg', 'hg')], db_default='', default='', max_length=10, verbose_name='speaks'),
        ),
        migrations.AlterField(
            model_name='codehost',
            name='tokens',
            field=models.FloatField(db_default=5.0, default=5.0),
        ),
        migrations.AlterField(
            model_name='codehost',
            name='trouble',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='last failure'),
        ),
        migrations.AlterField(
            model_name='probe',
            name='fingerprint',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
        migrations.AlterField(
            model_name='probe',
            name='protocol',
            field=models.CharField(blank=True, db_default='', default='', max_length=20),
        ),
        migrations.AlterField(
            model_name='probe',
            name='show_how',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AlterField(
            model_name='recoveryticket',
            name='broke_glass',
            field=models.BooleanField(db_default=False, default=False, verbose_name='reset from the shell'),
        ),
        migrations.AlterField(
            model_name='recoveryticket',
            name='proof_failures',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='recoveryticket',
            name='stopped_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=320),
        ),
        migrations.AlterField(
            model_name='recoveryticket',
            name='wait_rows',
            field=models.JSONField(db_default=[], default=list),
        ),
    ]
