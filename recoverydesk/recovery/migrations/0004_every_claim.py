"""Exceptions, other proofs, approvals; for which rows a wait was written, and when a ticket next says something."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recovery', '0003_desk'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField(verbose_name='reason')),
                ('given_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('dead_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='BoundaryException',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('other_proof', models.CharField(choices=[('left_employer', 'left the organisation, which says so elsewhere'), ('archived', 'archived repository of an account that is theirs'), ('dead_host', 'the host is gone'), ('not_git', 'a kind of repository we cannot look at'), ('other', 'other proof, named in the reason')], max_length=16, verbose_name='other proof')),
                ('reason', models.TextField(verbose_name='reason')),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_reason', models.TextField(blank=True)),
                ('approved', models.BooleanField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='OtherProof',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('password', 'current password'), ('api_token', 'live API token'), ('device', 'signed-in browser'), ('factor', 'remaining second factor'), ('co_owner', "a co-owner vouches")], max_length=12, verbose_name='kind')),
                ('given_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ReleaseWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role_id', models.BigIntegerField()),
                ('reason', models.TextField(verbose_name='reason')),
                ('given_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RemoveConstraint(
            model_name='recoveryticket',
            name='completed_has_its_time_and_person',
        ),
        migrations.AddField(
            model_name='boundary',
            name='added_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='boundary',
            name='added_reason',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='recoveryticket',
            name='broke_glass',
            field=models.BooleanField(default=False, verbose_name='reset from the shell'),
        ),
        migrations.AddField(
            model_name='recoveryticket',
            name='next_notice_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='recoveryticket',
            name='proof_failures',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='recoveryticket',
            name='stopped_by',
            field=models.CharField(blank=True, max_length=320),
        ),
        migrations.AddField(
            model_name='recoveryticket',
            name='wait_rows',
            field=models.JSONField(default=list),
        ),
        migrations.AddIndex(
            model_name='recoveryticket',
            index=models.Index(condition=models.Q(('next_notice_at__isnull', False)), fields=['next_notice_at'], name='ticket_notice_due'),
        ),
        migrations.AddConstraint(
            model_name='recoveryticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('completed_at__isnull', False), ('status', 'completed'), models.Q(('reset_by__isnull', False), ('broke_glass', True), _connector='OR')), models.Q(models.Q(('status', 'completed'), _negated=True), ('completed_at__isnull', True), ('reset_by__isnull', True)), _connector='OR'), name='completed_has_its_time_and_person'),
        ),
        migrations.AddField(
            model_name='approval',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='approval',
            name='ticket',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='recovery.recoveryticket'),
        ),
        migrations.AddField(
            model_name='boundaryexception',
            name='asked_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='boundaryexception',
            name='boundary',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exceptions', to='recovery.boundary'),
        ),
        migrations.AddField(
            model_name='boundaryexception',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='otherproof',
            name='by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='otherproof',
            name='ticket',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='other_proofs', to='recovery.recoveryticket'),
        ),
        migrations.AddField(
            model_name='releaseword',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='releaseword',
            name='ticket',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='release_words', to='recovery.recoveryticket'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.UniqueConstraint(condition=models.Q(('dead_at', None)), fields=('ticket', 'by'), name='one_live_approval_each'),
        ),
        migrations.AddConstraint(
            model_name='boundaryexception',
            constraint=models.UniqueConstraint(condition=models.Q(('approved', None), ('approved', True), _connector='OR'), fields=('boundary',), name='one_live_exception'),
        ),
        migrations.AddConstraint(
            model_name='boundaryexception',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved', None), ('decided_by', None)), models.Q(('approved__isnull', False), ('decided_by__isnull', False), models.Q(('decided_by', models.F('asked_by')), _negated=True)), _connector='OR'), name='another_person_decides_an_exception'),
        ),
        migrations.AddConstraint(
            model_name='otherproof',
            constraint=models.UniqueConstraint(condition=models.Q(('by', None)), fields=('ticket', 'kind'), name='one_proof_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='otherproof',
            constraint=models.UniqueConstraint(fields=('ticket', 'kind', 'by'), name='one_word_of_a_co_owner'),
        ),
        migrations.AddConstraint(
            model_name='otherproof',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('by__isnull', False), ('kind', 'co_owner')), models.Q(models.Q(('kind', 'co_owner'), _negated=True), ('by', None)), _connector='OR'), name='a_word_has_its_speaker'),
        ),
    ]
