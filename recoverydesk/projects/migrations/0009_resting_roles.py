"""Who rests is told so by time, and a rest ends by time (ADR 0119).

A rest that began before has no notice yet: its thirty days begin with the first one.
"""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("projects", "0008_link_kinds")]

    operations = [
        migrations.AddField(
            model_name="role",
            name="rest_told_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="role",
            index=models.Index(fields=["held_at"], condition=Q(held_at__isnull=False), name="role_resting"),
        ),
    ]
