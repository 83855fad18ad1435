"""`manage.py sample_data`: a small registry with people, projects, repositories and tickets in every status."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from recoverydesk.demo import histories, people, registry, stories


class Command(BaseCommand):
    help = "Fill an empty database with the demo's sample data."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("sample data is for the demo: set DEMO=1")
        if User.objects.exists():
            raise CommandError("the database is not empty: sample data is made once")
        users = people.make_people()
        repositories = Path(settings.VAR_DIR) / "repositories"
        registry.make_registry(users, repositories, f"http://localhost:{settings.CODE_HOST_PORT}")
        histories.make_histories(users)
        stories.play_stories(users, repositories)
