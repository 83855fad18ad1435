"""Many at once, on a database that lets them: whatever is recorded about one project waits its turn."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.decisions import ConfirmationNeeded
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects import guard_changes, mail_invitations, rests, services, withdrawals
from recoverydesk.projects.models import GuardChange, Project, Role
from tests.helpers.audit_teardown import lift_triggers_for_flush
from tests.helpers.factories import add_app
from tests.helpers.guards import ask, guard
from tests.helpers.projects import MakeUser, day, own

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
lift_triggers_for_flush()


def at_once(*jobs: Callable[[], object]) -> list[object]:
    """Run the jobs in a thread and a connection each; return results and exceptions."""

    def run(job: Callable[[], object]) -> object:
        try:
            return job()
        except (services.RoleError, withdrawals.ReleaseError, guard_changes.GuardError, ConfirmationNeeded) as error:
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


def test_an_invitation_by_mail_is_accepted_once(make_user: MakeUser) -> None:
    project, _created = services.ensure_project("Spam", actor="system")
    ada, kim = make_user("ada"), make_user("kim")
    own(ada, project)
    add_app(kim)
    sent = mail_invitations.invite("kim@example.org", project, "owner", actor=ada)
    accept = partial(mail_invitations.accept, sent, actor=kim)
    results = at_once(accept, accept, accept, partial(mail_invitations.withdraw, sent, actor=ada))
    assert sum(isinstance(result, services.InvitationOver) for result in results) == 3
    assert (
        Role.objects.filter(user=kim).count()
        == Event.objects.filter(tag=Tag.PROJECT_ROLE_ADD, subject_uid=kim.uid).count()
    )


@pytest.mark.parametrize("turn", range(4))
def test_a_reset_at_the_moment_of_accepting_leaves_no_role_that_acts(make_user: MakeUser, turn: int) -> None:
    project, _created = services.ensure_project("Spam", actor="system")
    ada, kim = make_user("ada"), make_user("kim")
    own(ada, project)
    add_app(kim)
    sent = mail_invitations.invite("kim@example.org", project, "owner", actor=ada)

    def reset() -> None:
        with transaction.atomic():
            row = User.objects.select_for_update().get(pk=kim.pk)
            row.quarantined_at = timezone.now()
            row.save(update_fields=["quarantined_at"])
            rests.begin(row, [], requested_at=timezone.now(), actor="system", ticket=7)

    jobs: list[Callable[[], object]] = [partial(mail_invitations.accept, sent, actor=kim), reset]
    at_once(*(jobs if turn % 2 else jobs[::-1]))
    assert not Role.objects.filter(user=kim, held_at=None).exists()


def test_two_owners_deleting_at_once_delete_once(make_user: MakeUser) -> None:
    project, _created = services.ensure_project("Spam", actor="system")
    owners = [make_user(name) for name in ("ada", "kim")]
    for owner in owners:
        own(owner, project)
    release = services.record_release(project, version="1.0", uploaded_at=timezone.now(), urls=None)
    results = at_once(*(partial(withdrawals.delete, release, actor=owner) for owner in owners))
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "ReleaseGone"]
    assert Event.objects.filter(tag=Tag.PROJECT_RELEASE_REMOVE).count() == 1


def test_two_owners_who_ask_for_less_at_once_ask_once(make_user: MakeUser) -> None:
    project, owners = guarded(make_user)
    results = at_once(*(partial(ask, Project.objects.get(), "token_days", "off", owner) for owner in owners))
    assert sorted(map(str, results)) == ["False", "True"]
    assert GuardChange.objects.count() == Event.objects.filter(tag=Tag.PROJECT_GUARD_ASK).count() == 1


def test_of_less_and_more_at_once_more_wins(make_user: MakeUser) -> None:
    project, (ada, kim) = guarded(make_user)
    at_once(
        partial(ask, Project.objects.get(), "token_days", "off", ada),
        partial(guard_changes.set_guard, project, "token_days", "7", actor=kim),
    )
    assert Project.objects.get().guards == {"token_days": "7"}
    assert not GuardChange.objects.exists()


def test_two_sweeps_at_once_carry_out_once(make_user: MakeUser) -> None:
    project, (ada, _kim) = guarded(make_user)
    ask(project, "token_days", "off", ada)
    Mail.objects.update(state="sent", settled_at=timezone.now() - guard_changes.COOL_DOWN)
    GuardChange.objects.update(at=timezone.now() - timedelta(seconds=1))
    assert sum(at_once(guard_changes.sweep, guard_changes.sweep)) == 1  # type: ignore[arg-type]
    assert Event.objects.filter(tag=Tag.PROJECT_GUARD_CHANGE).count() == 1


def guarded(make_user: MakeUser) -> tuple[Project, list[User]]:
    project, _created = services.ensure_project("Spam", actor="system")
    owners = [make_user(name) for name in ("ada", "kim")]
    for owner in owners:
        own(owner, project)
    return guard(project, token_days="30"), owners
