"""App configuration."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "recoverydesk.demo"

    def ready(self) -> None:
        """Register the check that keeps the demo out of production."""
        from recoverydesk.demo import checks  # noqa: F401
