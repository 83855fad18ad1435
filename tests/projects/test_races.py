"""Many at once, on a database that lets them: whatever is recorded about one project waits its turn."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection

from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Role
from tests.audit_teardown import lift_triggers_for_flush
from tests.projects.conftest import MakeUser, day, own

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
lift_triggers_for_flush()


def at_once(*jobs: Callable[[], object]) -> list[object]:
    """Run the jobs in a thread and a connection each; return results and exceptions."""

    def run(job: Callable[[], object]) -> object:
        try:
            return job()
        except services.RoleError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_uploads_at_once_lose_no_link() -> None:
    def publish(number: int) -> object:
        project, _created = services.ensure_project("Spam", actor="system")
        return services.record_release(
            project,
            version=f"1.{number}",
            uploaded_at=day(f"2024-05-{number + 1:02}"),
            urls=[("Source", "https://github.com/ada/spam")],
        )

    at_once(*(partial(publish, number) for number in range(8)))
    link = Project.objects.get().links.get()
    assert Project.objects.get().releases.count() == 8
    assert (link.first_release.version, link.last_release.version) == ("1.0", "1.7")


def test_two_owners_leaving_at_once_leave_one(make_user: MakeUser) -> None:
    project, _created = services.ensure_project("Spam", actor="system")
    roles = [own(make_user(name), project) for name in ("ada", "kim")]
    results = at_once(*(partial(services.remove_role, role, actor=role.user) for role in roles))
    assert sum(isinstance(result, services.LastOwner) for result in results) == 1
    assert Role.objects.count() == 1
