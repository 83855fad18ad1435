"""How much each code host is asked is said per host; empty is what is usual for it (ADR 0109)."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("recovery", "0012_leases"),
    ]

    operations = [
        migrations.AddField(
            model_name="codehost",
            name="looks_a_day",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="checks a day, at most"),
        ),
        migrations.AddField(
            model_name="codehost",
            name="looks_a_second",
            field=models.FloatField(blank=True, null=True, verbose_name="checks a second, at most"),
        ),
        migrations.AddConstraint(
            model_name="codehost",
            constraint=models.CheckConstraint(
                condition=(Q(looks_a_day=None) | Q(looks_a_day__range=(1, 1_000_000)))
                & (Q(looks_a_second=None) | Q(looks_a_second__range=(0.01, 20.0))),
                name="pace_within_bounds",
            ),
        ),
    ]
