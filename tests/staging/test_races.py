"""Two at the same moment, on a database that lets them: a staged release ends once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models import F
from django.test import Client

from accounts.decisions import Confirmation
from accounts.models import User
from audit.models import Event
from recoverydesk.projects.models import File, Project
from recoverydesk.staging import batch, ending, errors, expiring
from recoverydesk.staging.models import LASTS, StagedRelease
from tests.helpers import factories, packages
from tests.helpers.audit_teardown import lift_triggers_for_flush
from tests.helpers.packages import wheel, wheel_name
from tests.helpers.staged import shown
from tests.helpers.tokens import basic, mint

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
lift_triggers_for_flush()


@pytest.fixture
def people(transactional_db: None, storage: Path) -> tuple[User, User]:
    ada, kim = factories.make_user("ada"), factories.make_user("kim")
    for user in (ada, kim):
        factories.add_totp(user)
    factories.add_role(factories.make_project("sample", ada, version="0.1"), kim)
    Project.objects.update(guards={"two_step": "on"})
    return ada, kim


def upload(text: str, body: bytes = b"x = 1\n") -> int:
    filename, content = wheel_name(), wheel(body=body)
    form = packages.form(filename, content) | {"content": SimpleUploadedFile(filename, content)}
    return Client().post("/legacy/", form, headers={"Authorization": basic(text)}).status_code


def at_once(*jobs: Callable[[], object]) -> list[str]:
    """Run the jobs in a thread and a connection each; return what became of them, by name."""

    def run(job: Callable[[], object]) -> str:
        try:
            return str(job())
        except errors.StagingError as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return sorted(pool.map(run, jobs))


def test_of_two_who_publish_at_once_one_does_and_the_other_is_told(people: tuple[User, User]) -> None:
    upload(mint(people[0]).text)
    staged = StagedRelease.objects.get()
    seen = shown(staged)
    jobs = [partial(ending.publish, staged.uid, actor=user, shown=seen) for user in people]
    assert at_once(*jobs) == ["1.0", "Ended"]
    assert File.objects.count() == Event.objects.filter(tag="project:staged:publish").count() == 1


def test_a_batch_that_is_sent_twice_at_once_publishes_once(people: tuple[User, User]) -> None:
    ada, _kim = people
    upload(mint(ada).text)
    staged = StagedRelease.objects.get()
    seen = [batch.Seen(staged.uid, shown(staged))]
    confirmed = Confirmation(batch.decision(batch.PUBLISH, seen, {}), ada.pk, time.time())

    def decide() -> bool:
        done = batch.decide(batch.PUBLISH, seen, actor=ada, confirmed=confirmed)
        return all(not one.refusal for one in done)

    assert at_once(decide, decide) == ["False", "True"]
    assert Event.objects.filter(tag="project:staged:publish").count() == 1


def test_publishing_discarding_and_expiring_at_once_is_one_of_them(people: tuple[User, User]) -> None:
    ada, kim = people
    upload(mint(ada).text)
    StagedRelease.objects.update(staged_at=F("staged_at") - LASTS)
    staged = StagedRelease.objects.get()
    seen = shown(staged)
    at_once(
        partial(ending.publish, staged.uid, actor=ada, shown=seen),
        partial(ending.discard, staged.uid, actor=kim, shown=seen),
        expiring.sweep,
    )
    staged.refresh_from_db()
    ended = Event.objects.filter(tag__in=[f"project:staged:{how}" for how in ("publish", "discard", "expire")])
    assert ended.count() == 1
    assert File.objects.exists() is (staged.state == "published")


def test_two_files_of_one_name_staged_at_once_are_one(people: tuple[User, User]) -> None:
    texts = [mint(user).text for user in people]
    assert at_once(partial(upload, texts[0]), partial(upload, texts[1], b"x = 2\n")) == ["200", "400"]
    assert StagedRelease.objects.get().files.count() == 1
