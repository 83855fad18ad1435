"""The doubt of a ticket and when its waiting period began take the place of the rows its wait was written for."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import migrations, models

DOUBT_OF = {
    "second factor, no projects": 0, "second factor, repositories": 1, "second factor, no boundary": 2,
    "unverified address": 2, "exception": 3, "disputed": 3, "stopped lately": 3, "staff": 3, "new contact": 4,
    "new contact, nothing bound to the account": 5,
}  # fmt: skip
CRITICAL = ", critical"
OPEN = ("new", "challenged", "waiting", "ready")


def waits(critical: bool) -> list[timedelta]:
    window = settings.RECOVERY_OBJECTION_WINDOW_CRITICAL if critical else settings.RECOVERY_OBJECTION_WINDOW
    careful = max(settings.RECOVERY_WAIT_WITHOUT_BOUNDARY, settings.RECOVERY_WAIT_CAREFUL)
    return [
        timedelta(0), window, careful, careful, settings.RECOVERY_WAIT_NEW_CONTACT, settings.RECOVERY_WAIT_NOTHING_BOUND
    ]  # fmt: skip


def to_doubt(apps: Any, schema_editor: Any) -> None:
    """Every end stands; a waiting period began its rung's length before it."""
    rows = apps.get_model("recovery", "RecoveryTicket").objects
    for ticket in rows.exclude(wait_rows=[]).iterator():
        known = [DOUBT_OF[name.removesuffix(CRITICAL)] for name in ticket.wait_rows if _known(name)]
        doubt = max(known, default=0)
        begun = None
        if ticket.wait_until is not None and ticket.status in OPEN:
            begun = ticket.wait_until - waits(any(CRITICAL in name for name in ticket.wait_rows))[doubt]
        rows.filter(pk=ticket.pk).update(doubt=doubt, wait_from=begun)


def _known(name: str) -> bool:
    return name.removesuffix(CRITICAL) in DOUBT_OF


def to_rows(apps: Any, schema_editor: Any) -> None:
    """One row that has the ticket's doubt."""
    names = {doubt: name for name, doubt in DOUBT_OF.items()}
    rows = apps.get_model("recovery", "RecoveryTicket").objects
    for doubt, name in names.items():
        rows.filter(doubt=doubt).update(wait_rows=[name])


class Migration(migrations.Migration):
    dependencies = [
        ("recovery", "0013_pace"),
    ]

    operations = [
        migrations.AddField(
            model_name="recoveryticket",
            name="wait_from",
            field=models.DateTimeField(blank=True, null=True, verbose_name="waiting period began"),
        ),
        migrations.AddField(
            model_name="recoveryticket",
            name="doubt",
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="doubt"),
        ),
        migrations.RunPython(to_doubt, to_rows),
    ]
