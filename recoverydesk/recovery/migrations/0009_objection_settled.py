"""When staff settled an objection to a completed ticket."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recovery', '0008_young_repositories'),
    ]

    operations = [
        migrations.AddField(
            model_name='recoveryticket',
            name='objection_settled_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='objection settled'),
        ),
    ]
