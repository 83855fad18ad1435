import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0011_unverified_since'),
    ]

    operations = [
        migrations.CreateModel(
            name='IssueForm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.URLField(blank=True, db_default='', default='', verbose_name='issue')),
                ('author_id', models.BigIntegerField(null=True, verbose_name="author's number")),
                ('body', models.BinaryField(null=True)),
                ('username', models.CharField(blank=True, db_default='', default='', max_length=500, verbose_name='account named')),
                ('claim', models.CharField(blank=True, db_default='', default='', max_length=24, verbose_name='claim')),
                ('problems', models.JSONField(db_default=[], default=list, verbose_name='problems')),
                ('read_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='read')),
                ('edited_at', models.DateTimeField(null=True, verbose_name='edited')),
                ('edited_name', models.CharField(blank=True, db_default='', default='', max_length=500, verbose_name='account named since')),
                ('request', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='issue_form', to='accounts.request')),
            ],
            options={
                'verbose_name': 'issue form',
                'verbose_name_plural': 'issue forms',
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('body__isnull', False)), fields=['read_at'], name='form_with_text')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('url', ''), _negated=True), fields=('url',), name='one_form_per_issue')],
            },
        ),
    ]
