"""What the desk needs: snoozing, who has a ticket open, canned replies, and indexes for the queue and its search."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now, Upper


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("recovery", "0002_host_knowledge"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReplyTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "situation",
                    models.CharField(
                        blank=True,
                        help_text="Which ticket this reply is suggested for.",
                        max_length=20,
                        verbose_name="suggested when",
                    ),
                ),
                ("body", models.TextField(max_length=5000, verbose_name="text")),
                ("active", models.BooleanField(default=True, verbose_name="offered")),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
            ],
            options={
                "verbose_name": "reply template",
                "verbose_name_plural": "reply templates",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Viewer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField(db_default=Now())),
                ("seen_at", models.DateTimeField(db_default=Now())),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="viewers",
                        to="recovery.recoveryticket",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="viewer",
            constraint=models.UniqueConstraint(fields=("ticket", "user"), name="one_row_per_viewer"),
        ),
        migrations.AddField(
            model_name="recoveryticket",
            name="snoozed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="snoozed"),
        ),
        migrations.AddField(
            model_name="recoveryticket",
            name="snoozed_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="snoozed until"),
        ),
        migrations.AddIndex(
            model_name="recoveryticket",
            index=models.Index(fields=["opened_at"], name="ticket_opened"),
        ),
        migrations.AddIndex(
            model_name="recoveryticket",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False)), fields=["closed_at"], name="ticket_closed"
            ),
        ),
        migrations.AddIndex(
            model_name="recoveryticket",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["assigned_to"], name="ticket_on_desk"
            ),
        ),
        migrations.AddIndex(
            model_name="recoveryticket",
            index=models.Index(Upper("contact"), name="ticket_contact"),
        ),
        migrations.AddIndex(
            model_name="recoveryticket",
            index=models.Index(
                condition=models.Q(("issue_url", ""), _negated=True), fields=["issue_url"], name="ticket_issue"
            ),
        ),
        migrations.AddIndex(
            model_name="boundary",
            index=models.Index(fields=["host", "namespace"], name="boundary_place"),
        ),
        migrations.AddIndex(
            model_name="boundary",
            index=models.Index(fields=["namespace"], name="boundary_owner", opclasses=["varchar_pattern_ops"]),
        ),
    ]
