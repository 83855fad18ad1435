"""RecoveryDesk: account recovery for package registries and code communities."""

from recoverydesk.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.2.0"
