import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('channels', '0002_incoming_mail'),
        ('recovery', '0021_seconds_and_probes_by_time'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Unmatched',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked', models.BinaryField()),
                ('digest', models.CharField(max_length=43)),
                ('source', models.CharField(choices=[('form', 'Public form'), ('staff', 'Staff'), ('shell', 'Shell'), ('issue', 'Issue tracker')], max_length=8, verbose_name='how it came in')),
                ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='noted')),
                ('how', models.CharField(blank=True, choices=[('answered', 'answered'), ('linked', 'linked to an account'), ('closed', 'closed')], db_default='', default='', max_length=8, verbose_name='end')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('form', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='unmatched', to='channels.issueform')),
                ('ticket', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='recovery.recoveryticket', verbose_name='ticket')),
            ],
            options={
                'verbose_name': 'unmatched request',
                'verbose_name_plural': 'unmatched requests',
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('ended_at', None)), fields=['noted_at'], name='unmatched_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('digest',), name='one_open_row_per_request')],
            },
        ),
    ]
