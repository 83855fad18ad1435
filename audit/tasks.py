"""Celery's wake-up for the sealer: a round of its own, so that a slow sweep does not make events wait."""

from celery import shared_task

from audit import chores


@shared_task(name="audit.tasks.seal")
def seal() -> None:
    """Seal what is committed."""
    chores.seal()
