"""Celery's wake-up for the sealer: a round of its own, so that a slow sweep does not make events wait."""

from celery import shared_task

from audit import chores


@shared_task(name="audit.tasks.seal")
def seal() -> None:
    """Seal what is committed."""
    chores.seal()


@shared_task(name="audit.tasks.deliver")
def deliver() -> None:
    """Hand the newest checkpoint to the sink: a task of its own, so that nothing waits for it."""
    chores.deliver()
