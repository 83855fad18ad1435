import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('channels', '0001_initial'),
        ('recovery', '0020_issue_source'),
    ]

    operations = [
        migrations.CreateModel(
            name='IncomingMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('kind', models.CharField(choices=[('claimant', "the claimant's word"), ('unproven', "not proved to be the claimant's"), ('refused', "the claimant's, not taken"), ('stranger', 'belongs to no request'), ('automatic', 'automatic reply'), ('list', 'mailing list'), ('loop', 'our own mail'), ('bounce', 'report of a mail server')], max_length=10, verbose_name='kind')),
                ('reason', models.CharField(blank=True, db_default='', default='', max_length=40, verbose_name='why')),
                ('sender', models.CharField(blank=True, db_default='', default='', max_length=320, verbose_name='from')),
                ('subject', models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='subject')),
                ('original', models.BinaryField(null=True)),
                ('attachments', models.JSONField(db_default=[], default=list, verbose_name='attachments, dropped')),
                ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='received')),
                ('ticket', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='incoming_mails', to='recovery.recoveryticket', verbose_name='ticket')),
            ],
            options={
                'verbose_name': 'incoming mail',
                'verbose_name_plural': 'incoming mails',
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('original__isnull', False)), fields=['received_at'], name='incoming_with_text')],
            },
        ),
    ]
