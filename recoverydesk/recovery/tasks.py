"""Celery's wake-ups. They carry nothing: the sweep finds what is due."""

from celery import shared_task

from recoverydesk.recovery.background import sweep as sweeping


@shared_task(name="recoverydesk.recovery.tasks.sweep")
def sweep() -> None:
    """One round of all due work."""
    sweeping.sweep()
