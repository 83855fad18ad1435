"""What a code host is learned to speak, how it does and how much it was asked; how to see what a probe saw."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recovery', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='codehost',
            name='asked',
            field=models.PositiveIntegerField(default=0, verbose_name='checks that day'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='asked_on',
            field=models.DateField(blank=True, null=True, verbose_name='day of the count'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='circuit_open_until',
            field=models.DateTimeField(blank=True, null=True, verbose_name='not checked until'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='described',
            field=models.BooleanField(default=True, verbose_name='described by staff'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='failures',
            field=models.PositiveIntegerField(default=0, verbose_name='failures in a row'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='learned_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='learned'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='lease',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='codehost',
            name='leased_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='codehost',
            name='protocol',
            field=models.CharField(blank=True, choices=[('v2-direct', 'v2-direct'), ('v2', 'v2'), ('v0', 'v0'), ('dumb', 'dumb'), ('hg', 'hg')], max_length=10, verbose_name='speaks'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='tokens',
            field=models.FloatField(default=5.0),
        ),
        migrations.AddField(
            model_name='codehost',
            name='tokens_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='last asked'),
        ),
        migrations.AddField(
            model_name='codehost',
            name='trouble',
            field=models.CharField(blank=True, max_length=300, verbose_name='last failure'),
        ),
        migrations.AddField(
            model_name='probe',
            name='fingerprint',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='probe',
            name='show_how',
            field=models.TextField(blank=True),
        ),
    ]
