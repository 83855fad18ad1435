"""The doctor's question to a worker."""

from celery import shared_task

from recoverydesk.operating import mirror


@shared_task(name="recoverydesk.operating.tasks.look")
def look(number: str) -> None:
    """Say through the cache what this worker sees."""
    mirror.note(str(number))
