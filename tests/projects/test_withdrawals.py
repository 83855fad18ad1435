"""Yanking and deleting: who may, what is told, what the rows say afterwards. What clients make of it: tests/upload."""

import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import decisions
from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from accounts.services import ReasonMissing
from audit import history
from audit.models import Event
from recoverydesk.projects import holds, services, showing, withdrawals
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.projects.published import FileFact
from tests.helpers import factories
from tests.helpers.projects import links_of

pytestmark = pytest.mark.django_db
NAMES = ("tool-1.0.tar.gz", "tool-1.0-py3-none-any.whl")


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


@pytest.fixture
def tool(ada: User) -> Project:
    """A project of ada's whose release 1.0 has two files."""
    project = factories.make_project("tool", ada)
    files = [FileFact(name, "sdist", 1, f"{number:064}", factories.LONG_AGO) for number, name in enumerate(NAMES)]
    services.record_release(project, version="1.0", uploaded_at=factories.LONG_AGO, urls=None, files=files)
    return project


@pytest.fixture
def release(tool: Project) -> Release:
    return tool.releases.get()


@pytest.fixture
def file(release: Release) -> File:
    return release.files.get(filename=NAMES[0])


def events() -> list[tuple[str, dict[str, str]]]:
    """Tag and data of every event of yanking and deleting, oldest first."""
    found = Event.objects.filter(tag__regex="(yank|release:remove|file:remove)$")
    return list(found.order_by("id").values_list("tag", "data"))


def told() -> list[tuple[str, str]]:
    """State and recipient of each mail about it."""
    mails = Mail.objects.filter(kind="release_changed").order_by("id")
    return [(mail.context["state"], mail.recipient) for mail in mails]


def shown(file: File) -> tuple[bool, str]:
    file.refresh_from_db()
    return file.yanked, file.yanked_reason


def test_a_file_is_yanked_with_a_reason_and_taken_back(ada: User, file: File) -> None:
    assert withdrawals.yank(file, actor=ada, reason="  broken on 3.13 ")
    assert shown(file) == (True, "broken on 3.13")
    assert not withdrawals.yank(file, actor=ada, reason="broken on 3.13")
    assert withdrawals.yank(file, actor=ada, reason="worse")
    assert withdrawals.unyank(file, actor=ada)
    assert not withdrawals.unyank(file, actor=ada)
    assert shown(file) == (False, "")
    about = {"version": "1.0", "file": NAMES[0]}
    assert events() == [("file:yank", about), ("file:yank", about), ("file:unyank", about)]


def test_a_release_taken_back_offers_each_of_its_files_again(ada: User, release: Release, file: File) -> None:
    withdrawals.yank(file, actor=ada)
    assert withdrawals.yank(release, actor=ada)
    with pytest.raises(withdrawals.ReleaseYanked):
        withdrawals.unyank(file, actor=ada)
    assert withdrawals.unyank(release, actor=ada)
    assert shown(file) == (False, "")
    assert [tag for tag, _data in events()] == ["file:yank", "project:release:yank", "project:release:unyank"]
    withdrawals.yank(file, actor=ada)
    assert withdrawals.unyank(release, actor=ada)  # its files alone were yanked, as an import leaves them


def test_the_serial_moves_with_what_the_index_shows_and_only_then(ada: User, tool: Project, release: Release) -> None:
    seen = []
    for verb in (withdrawals.yank, withdrawals.yank, withdrawals.unyank, withdrawals.unyank):
        verb(release, actor=ada)
        tool.refresh_from_db()
        seen.append(tool.serial)
    assert seen[0] == seen[1] < seen[2] == seen[3]


def test_every_owner_hears_of_it_one_whose_role_is_on_hold_too(ada: User, kim: User, tool: Project) -> None:
    factories.add_role(tool, kim)
    factories.add_role(tool, factories.make_user("max"), kind=Role.Kind.MAINTAINER)
    factories.add_role(tool, factories.make_user("eve"), accepted=False)
    holds.hold(kim, ["tool"], actor="system", ticket=7)
    withdrawals.yank(tool.releases.get(), actor=ada, reason="visit https://evil.example")
    assert told() == [("yanked", "ada@example.org"), ("yanked", "kim@example.org")]
    mail = outbox.render(Mail.objects.filter(recipient="kim@example.org").get())
    assert "ada changed your project tool." in mail.text
    assert "1.0 is yanked now." in mail.text
    assert "/projects/tool/history/" in mail.text
    assert "evil" not in mail.text + mail.html
    assert "evil" not in str(list(Event.objects.values_list("data", flat=True)))


def test_no_mailbox_is_flooded(ada: User, file: File) -> None:
    for number in range(8):
        withdrawals.yank(file, actor=ada, reason=str(number))
    assert len(told()) == 5
    assert len(events()) == 8


def test_a_maintainer_may_too(kim: User, tool: Project, release: Release) -> None:
    factories.add_role(tool, kim, kind=Role.Kind.MAINTAINER)
    assert withdrawals.yank(release, actor=kim)
    assert told() == [("yanked", "ada@example.org")]


# Refusals -------------------------------------------------------------------------------------------------------------


def _nobody(_kim: User, _tool: Project) -> None:
    pass


def _invited(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim, accepted=False)


def _rests(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim, kind=Role.Kind.MAINTAINER)
    holds.hold(kim, ["tool"], actor="system", ticket=7)


def _elsewhere(kim: User, _tool: Project) -> None:
    factories.make_project("other", kim)


def _frozen(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim)
    User.objects.filter(pk=kim.pk).update(frozen_at=timezone.now())


def _deactivated(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim)
    User.objects.filter(pk=kim.pk).update(is_active=False)


@pytest.mark.parametrize("standing", [_nobody, _invited, _rests, _elsewhere, _frozen, _deactivated])
def test_who_does_not_act_for_the_project_changes_nothing(
    kim: User, tool: Project, release: Release, file: File, standing: object
) -> None:
    standing(kim, tool)  # type: ignore[operator]
    for what in (release, file):
        for verb in (withdrawals.yank, withdrawals.unyank):
            with pytest.raises(withdrawals.NotActing):
                verb(what, actor=kim)
    assert (events(), told()) == ([], [])


def test_a_recovered_owner_waits_and_a_co_owner_does_not(ada: User, kim: User, tool: Project, release: Release) -> None:
    factories.add_role(tool, kim)
    now = timezone.now()
    User.objects.filter(pk=ada.pk).update(quarantined_at=now, quarantine_until=None)
    with pytest.raises(withdrawals.ReleasesInQuarantine):
        withdrawals.yank(release, actor=ada)
    assert withdrawals.yank(release, actor=kim)
    with pytest.raises(withdrawals.ReleasesInQuarantine):
        withdrawals.unyank(release, actor=ada)
    User.objects.filter(pk=ada.pk).update(quarantine_until=now - timedelta(seconds=1))
    assert withdrawals.unyank(release, actor=ada)


def test_what_was_deleted_is_not_yanked(ada: User, release: Release, file: File) -> None:
    Release.objects.update(deleted_at=timezone.now())
    for what in (release, file):
        with pytest.raises(withdrawals.ReleaseGone):
            withdrawals.yank(what, actor=ada)


@pytest.mark.parametrize(
    "reason", ["x" * 501, "two\nlines", "two\rlines", "\x1b[2J", "\x00", "half \ud800", "turned \u202e round"]
)
def test_a_reason_is_one_line_without_a_trick(ada: User, file: File, reason: str) -> None:
    with pytest.raises(withdrawals.UnfitReason):
        withdrawals.yank(file, actor=ada, reason=reason)
    assert shown(file) == (False, "")


# Deleting -------------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)
REASON = "It carries a virus."
WORDS = ["Delete 1.0 of tool for ever."]


def uploaded(what: Release | File, ago: timedelta) -> None:
    type(what).objects.filter(pk=what.pk).update(uploaded_at=timezone.now() - ago)


def staff(name: str = "max", groups: Sequence[str] = ("Admins",)) -> User:
    return factories.make_user(name, staff=True, groups=groups)


def confirmed(by: User, what: Release | File) -> decisions.Confirmation:
    return decisions.Confirmation(withdrawals.deleting(what), by.pk, time.time())


def test_an_owner_deletes_within_72_hours_and_the_links_stay_evidence(ada: User, tool: Project) -> None:
    release = services.record_release(
        tool, version="2.0", uploaded_at=timezone.now(), urls=[("Source", "https://github.com/ada/tool")]
    )
    before = links_of(tool)
    withdrawals.delete(release, actor=ada)
    assert (links_of(tool), len(before)) == (before, 1)
    assert tool.releases.get(version="2.0").deleted_at
    assert events() == [("project:release:remove", {"version": "2.0"})]
    assert told() == [("deleted", "ada@example.org")]


def test_a_file_is_deleted_alone_and_stays_by_name_and_hash(ada: User, file: File, release: Release) -> None:
    uploaded(file, DAY)
    withdrawals.delete(file, actor=ada)
    kept = File.objects.get(filename=NAMES[0])
    assert (bool(kept.deleted_at), kept.sha256) == (True, file.sha256)
    assert [one.filename for one in showing.read(release.pk).files] == [NAMES[1]]
    release.refresh_from_db()
    assert release.deleted_at is None
    for verb in (withdrawals.delete, withdrawals.yank, withdrawals.unyank):
        with pytest.raises(withdrawals.ReleaseGone):
            verb(file, actor=ada)
    assert events() == [("file:remove", {"version": "1.0", "file": NAMES[0]})]


def test_after_72_hours_only_staff_delete(ada: User, release: Release, file: File) -> None:
    for what in (release, file):
        uploaded(what, 3 * DAY - timedelta(seconds=60))
    withdrawals.delete(file, actor=ada)
    uploaded(release, 3 * DAY)
    with pytest.raises(withdrawals.TooLate):
        withdrawals.delete(release, actor=ada)
    boss = staff()
    withdrawals.delete_as_staff(release, actor=boss, reason=REASON, confirmed=confirmed(boss, release))
    assert events()[1:] == [("project:release:remove", {"version": "1.0", "by": "staff", "reason": REASON})]
    assert "Our staff changed your project tool." in outbox.render(Mail.objects.latest("pk")).text


def test_owners_do_not_read_which_of_our_staff_deleted(ada: User, tool: Project, release: Release) -> None:
    boss = staff()
    withdrawals.delete_as_staff(release, actor=boss, reason=REASON, confirmed=confirmed(boss, release))
    assert [line.actor for line in history.for_project(tool.uid, reader=ada.uid, limit=1)] == ["the recovery desk"]


def test_staff_delete_with_a_reason_and_a_factor_for_just_that(release: Release, file: File) -> None:
    boss = staff()
    with pytest.raises(ReasonMissing):
        withdrawals.delete_as_staff(release, actor=boss, reason="  no  ")
    with pytest.raises(decisions.ConfirmationNeeded) as needed:
        withdrawals.delete_as_staff(release, actor=boss, reason=REASON)
    assert needed.value.words == WORDS
    with pytest.raises(decisions.ConfirmationNeeded):
        withdrawals.delete_as_staff(release, actor=boss, reason=REASON, confirmed=confirmed(boss, file))
    with pytest.raises(decisions.ConfirmationNeeded):
        withdrawals.delete_as_staff(release, actor=boss, reason=REASON, confirmed=confirmed(staff("eve"), release))
    assert events() == []


@pytest.mark.parametrize("groups", [["Moderators"], ["Auditors"], []])
def test_staff_without_the_right_delete_nothing(release: Release, groups: list[str]) -> None:
    somebody = staff(groups=groups)
    with pytest.raises(withdrawals.NotDeleting):
        withdrawals.delete_as_staff(release, actor=somebody, reason=REASON, confirmed=confirmed(somebody, release))


@pytest.mark.parametrize("reason", [REASON + "x" * 500, REASON + "\x1b[2J", REASON + "\nand more"])
def test_the_reason_of_staff_is_one_line(release: Release, reason: str) -> None:
    boss = staff()
    with pytest.raises(withdrawals.UnfitReason):
        withdrawals.delete_as_staff(release, actor=boss, reason=reason, confirmed=confirmed(boss, release))


def test_nobody_deletes_as_staff_where_they_have_a_role(tool: Project, release: Release) -> None:
    boss = staff()
    factories.add_role(tool, boss, kind=Role.Kind.MAINTAINER, accepted=False)
    with pytest.raises(withdrawals.NotDeleting):
        withdrawals.delete_as_staff(release, actor=boss, reason=REASON, confirmed=confirmed(boss, release))


def _maintains(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim, kind=Role.Kind.MAINTAINER)


def _owner_rests(kim: User, tool: Project) -> None:
    factories.add_role(tool, kim)
    holds.hold(kim, ["tool"], actor="system", ticket=7)


@pytest.mark.parametrize("standing", [_nobody, _invited, _maintains, _owner_rests, _elsewhere, _frozen, _deactivated])
def test_who_is_no_acting_owner_deletes_nothing(
    kim: User, tool: Project, release: Release, file: File, standing: object
) -> None:
    standing(kim, tool)  # type: ignore[operator]
    for what in (release, file):
        uploaded(what, DAY)
        with pytest.raises(withdrawals.NotDeleting):
            withdrawals.delete(what, actor=kim)
    assert (events(), told()) == ([], [])


def test_a_recovered_owner_deletes_nothing_until_the_limits_end(ada: User, release: Release) -> None:
    uploaded(release, DAY)
    User.objects.filter(pk=ada.pk).update(quarantined_at=timezone.now())
    with pytest.raises(withdrawals.ReleasesInQuarantine):
        withdrawals.delete(release, actor=ada)


def test_an_import_brings_nothing_back(ada: User, tool: Project, file: File) -> None:
    uploaded(file, DAY)
    withdrawals.delete(file, actor=ada)
    fact = FileFact(NAMES[0], "sdist", 1, file.sha256, factories.LONG_AGO)
    services.record_release(tool, version="1.0", uploaded_at=factories.LONG_AGO, urls=None, files=[fact])
    assert File.objects.get(pk=file.pk).deleted_at
    other = FileFact(NAMES[0], "sdist", 1, "f" * 64, factories.LONG_AGO)
    with pytest.raises(services.InvalidFact):
        services.record_release(tool, version="1.0", uploaded_at=factories.LONG_AGO, urls=None, files=[other])
