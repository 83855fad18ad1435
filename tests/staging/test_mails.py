"""Who hears of what is staged, and of what is published while somebody has the limits of a recovery."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import FormerAddress, User
from recoverydesk.projects.models import Project, Role
from recoverydesk.staging import ending
from recoverydesk.staging.models import StagedRelease
from tests.helpers.packages import Send, sdist, sdist_name, wheel, wheel_name
from tests.helpers.staged import shown


def told(kind: str) -> list[str]:
    return sorted(Mail.objects.filter(kind=kind).values_list("recipient", flat=True))


@pytest.fixture
def moved(kim: User) -> User:
    """Kim was recovered yesterday, and gave up an address some days ago."""
    now = timezone.now()
    FormerAddress.objects.create(user=kim, email="old@example.org", removed_at=now - timedelta(days=3))
    User.objects.filter(pk=kim.pk).update(quarantined_at=now - timedelta(days=1), quarantine_until=None)
    kim.refresh_from_db()
    return kim


def test_every_owner_hears_once_that_a_release_is_staged(staged: StagedRelease, send: Send) -> None:
    send(sdist_name(), sdist())
    assert told("release_staged") == ["ada@example.org", "kim@example.org"]
    mail = Mail.objects.filter(kind="release_staged")[0]
    text = outbox.render(mail).text
    assert "ada uploaded files of sample 1.0." in text
    assert "/account/staged/" in text
    assert "back into their account" not in text


def test_nobody_is_flooded(project: Project, send: Send) -> None:
    for number in range(7):
        version = f"1.{number}"
        send(wheel_name(version=version), wheel(version=version), of=("sample", version))
    assert told("release_staged").count("kim@example.org") == 5


def test_after_a_recovery_former_addresses_hear_of_it_too(project: Project, send: Send, moved: User) -> None:
    Project.objects.update(guards={}, critical=True)
    send(wheel_name(), wheel())
    assert told("release_staged") == ["ada@example.org", "kim@example.org", "old@example.org"]
    assert "back into their account" in outbox.render(Mail.objects.filter(kind="release_staged")[0]).text


def test_after_a_recovery_every_file_that_is_added_is_mailed(staged: StagedRelease, send: Send, moved: User) -> None:
    Project.objects.update(guards={"two_step": "on"}, critical=True)
    before = told("release_staged")
    send(sdist_name(), sdist())
    assert told("release_staged") == sorted([*before, "ada@example.org", "kim@example.org", "old@example.org"])


@pytest.mark.parametrize("kind", ["owner", "maintainer"])
def test_a_release_of_another_project_is_mailed_to_all_owners_and_the_recovered(
    project: Project, send: Send, moved: User, kind: str
) -> None:
    Role.objects.filter(user=moved).update(kind=kind)
    Project.objects.update(guards={})
    send(wheel_name(), wheel())
    everybody = ["ada@example.org", "kim@example.org", "old@example.org"]
    assert told("release_in_quarantine") == everybody
    text = outbox.render(Mail.objects.filter(kind="release_in_quarantine")[0]).text
    assert "ada published sample 1.0 in your project sample." in text
    send(sdist_name(), sdist())
    assert told("release_in_quarantine") == sorted(everybody * 2)


def test_a_staged_release_that_is_published_then_is_mailed_too(staged: StagedRelease, ada: User, moved: User) -> None:
    ending.publish(staged.uid, actor=ada, shown=shown(staged))
    assert "old@example.org" in told("release_in_quarantine")


def test_where_nobody_was_recovered_nobody_is_told(staged: StagedRelease, kim: User) -> None:
    ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert told("release_in_quarantine") == []
