"""What an upload to a project with two-step release does, and how a staged release ends."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import Event, EventDetail
from recoverydesk.projects import holds, releases, withdrawals
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.staging import ending, errors, expiring, keeping
from recoverydesk.staging.models import StagedFile, StagedRelease
from tests.helpers import factories
from tests.helpers.authenticator import give_key
from tests.helpers.packages import Send, sdist, sdist_name, stored_files, wheel, wheel_name
from tests.helpers.staged import shown
from tests.helpers.tokens import attenuate, mint
from tokens import caveats

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def reason(response: Any) -> str:
    return f"{response.status_code} {response.reason_phrase}"


def later(**by: float) -> None:
    """Everything was staged so long ago."""
    for model in (StagedRelease, StagedFile):
        model.objects.update(staged_at=F("staged_at") - timedelta(**by))


def test_an_upload_is_staged_and_nobody_can_install_it(project: Project, send: Send, client: Client) -> None:
    serial = project.serial
    answer = send(wheel_name(), wheel())
    assert (answer.status_code, answer.content.decode().split(".")[0]) == (200, "Staged, not published: sample 1")
    assert (Release.objects.count(), File.objects.count()) == (1, 0)
    assert client.get("/simple/sample/", headers=JSON).json()["files"] == []
    assert client.get(f"/simple/sample/{wheel_name()}").status_code == 404
    project.refresh_from_db()
    assert project.serial == serial
    assert project.links.count() == 0
    event = Event.objects.get(tag="file:stage")
    assert (event.actor_name, event.data["files"], event.data["version"]) == ("ada", [wheel_name()], "1.0")
    assert StagedFile.objects.get().event == event.pk
    assert EventDetail.objects.get(event_id=event.pk).network == "127.0.0.1"


def test_it_passes_every_check_of_a_normal_upload(staged: StagedRelease, send: Send) -> None:
    assert "Invalid distribution file" in reason(send(sdist_name(), b"nonsense"))
    assert "does not match" in reason(send(sdist_name(), sdist(), sha256_digest="0" * 64))
    assert send(sdist_name(), sdist()).status_code == 200
    assert "Only one sdist" in reason(send(sdist_name(version="1.0.0"), sdist(version="1.0.0"), of=("sample", "1.0.0")))
    other = send("sample-1.0.0-py3-none-any.whl", wheel(body=b"2"))
    assert "the files of this release begin with 'sample-1.0" in reason(other)
    assert StagedRelease.objects.get(version="1.0").files.count() == 2


def test_the_same_file_again_is_staged_once_and_another_of_its_name_is_refused(
    staged: StagedRelease, send: Send
) -> None:
    assert b"Staged, not published" in send(wheel_name(), wheel()).content
    assert "staged and not published" in reason(send(wheel_name(), wheel(body=b"x = 2\n")))
    Project.objects.update(guards={"two_step": "off"})
    assert b"Staged, not published" in send(wheel_name(), wheel()).content
    assert "staged and not published" in reason(send(wheel_name(), wheel(body=b"x = 2\n")))
    assert (StagedFile.objects.count(), File.objects.count()) == (1, 0)


def test_bytes_that_are_staged_are_no_other_projects(staged: StagedRelease, send: Send) -> None:
    """The archive says whose it is; only its bytes are asked here."""
    StagedFile.objects.update(filename="elsewhere-1.0-py3-none-any.whl")
    Project.objects.create(name="elsewhere", normalized_name="elsewhere")
    StagedRelease.objects.update(project=Project.objects.get(name="elsewhere"))
    assert "staged and not published" in reason(send(wheel_name(), wheel()))


def test_a_published_file_cannot_be_staged(project: Project, send: Send) -> None:
    Project.objects.update(guards={"two_step": "off"})
    assert send(wheel_name(), wheel()).content == b""
    Project.objects.update(guards={"two_step": "on"})
    assert send(wheel_name(), wheel()).content == b""
    assert "File already exists" in reason(send(wheel_name(), wheel(body=b"x = 2\n")))
    assert StagedRelease.objects.count() == 0


def test_an_owner_publishes_everything_at_once(
    staged: StagedRelease, send: Send, kim: User, client: Client, storage: Path
) -> None:
    send(sdist_name(), sdist())
    ending.publish(staged.uid, actor=kim, shown=shown(staged))
    names = {wheel_name(), sdist_name()}
    assert set(File.objects.stored().values_list("filename", flat=True)) == names
    listed = client.get("/simple/sample/", headers=JSON).json()
    assert {row["filename"] for row in listed["files"]} == names
    assert b"".join(client.get(f"/simple/sample/{wheel_name()}")) == wheel()
    assert b"made for a test" in b"".join(client.get(f"/simple/sample/{wheel_name()}.metadata"))
    staged.refresh_from_db()
    assert (staged.state, staged.ended_by) == ("published", kim)
    release = Release.objects.get(version="1.0")
    assert (release.opened_by, release.about.summary) == (staged.opened_by, "made for a test")
    assert release.urls == [["Source", "https://code.example/ada/sample"]]
    tags = ["project:release:add", "project:staged:publish"]
    told = (
        Event.objects.filter(tag__in=tags, data__version="1.0")
        .exclude(actor_name="system")
        .order_by("pk")
        .values_list("tag", "actor_name", "subject_name")
    )
    assert list(told) == [(tags[0], "kim", ""), (tags[1], "kim", "ada")]
    assert staged.files.filter(live=True).count() == 0


def test_the_staging_area_is_empty_after_the_end(
    staged: StagedRelease, kim: User, storage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert {path.relative_to(storage).parts[0] for path in stored_files(storage)} == {"dist"}
    assert list((storage / "staged").iterdir()) == []


def test_published_late_it_is_as_young_as_its_publication(staged: StagedRelease, kim: User) -> None:
    """Design rule 1 counts from when people could see a link; a file that lay staged made it no older."""
    later(days=6)
    ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert timezone.now() - Release.objects.get(version="1.0").uploaded_at < timedelta(minutes=1)


def test_more_files_of_a_published_release_are_staged_and_join_it(staged: StagedRelease, send: Send, kim: User) -> None:
    ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert b"Staged" in send(sdist_name(), sdist()).content
    again = StagedRelease.objects.get(state="staged")
    ending.publish(again.uid, actor=kim, shown=shown(again))
    assert Release.objects.get(version="1.0").files.count() == 2


def test_a_discarded_file_frees_its_name(staged: StagedRelease, send: Send, kim: User) -> None:
    ending.discard(staged.uid, actor=kim, shown=shown(staged))
    assert b"Staged" in send(wheel_name(), wheel(body=b"x = 2\n")).content
    assert set(StagedRelease.objects.values_list("state", flat=True)) == {"discarded", "staged"}
    with pytest.raises(errors.Ended):
        ending.publish(staged.uid, actor=kim, shown=shown(staged))


def test_after_seven_days_it_expires(staged: StagedRelease, kim: User, send: Send) -> None:
    later(days=6, hours=23)
    assert expiring.sweep() == 0
    later(hours=1)
    assert (expiring.sweep(), expiring.sweep()) == (1, 0)
    event = Event.objects.get(tag="project:staged:expire")
    assert (event.actor_name, event.data["files"]) == ("system", [wheel_name()])
    with pytest.raises(errors.Ended):
        ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert send(wheel_name(), wheel(body=b"x = 2\n")).status_code == 200


def test_a_row_is_forgotten_ninety_days_after_its_end(staged: StagedRelease, kim: User) -> None:
    ending.discard(staged.uid, actor=kim, shown=shown(staged))
    StagedRelease.objects.update(ended_at=F("ended_at") - timedelta(days=91))
    expiring.sweep()
    assert StagedRelease.objects.count() == StagedFile.objects.count() == 0


def test_bytes_that_belong_to_no_row_are_cleared_and_no_others(
    staged: StagedRelease, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lost", "young"):
        (storage / "staged" / name).mkdir(parents=True)
        (storage / "staged" / name / "file.whl").write_bytes(b"x")
    old = timezone.now() - timedelta(days=2)
    monkeypatch.setattr(default_storage, "get_modified_time", lambda name: timezone.now() if "young" in name else old)
    expiring.sweep()
    kept = StagedFile.objects.get().stored_as
    assert {path.parent.name for path in stored_files(storage / "staged")} == {"young", kept.split("/")[1]}


def test_a_folder_that_somebody_else_removes_meanwhile_stops_no_sweep(
    staged: StagedRelease, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publication deletes its own when it commits, and another worker may sweep, too."""
    for name in ("a", "b", "c"):
        (storage / "staged" / name).mkdir(parents=True)
        (storage / "staged" / name / "file.whl").write_bytes(b"x")
    real_listdir = default_storage.listdir

    def listdir(path: str) -> Any:
        found = real_listdir(path)
        shutil.rmtree(storage / ("staged/a" if path == "staged" else path))  # just before, and just after the look
        return found

    monkeypatch.setattr(default_storage, "listdir", listdir)
    assert expiring.sweep() == 0
    kept = StagedFile.objects.get().stored_as
    assert {path.parent.name for path in stored_files(storage / "staged")} == {kept.split("/")[1]}


def test_a_project_stages_only_so_much(project: Project, send: Send, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(keeping, "MOST_RELEASES", 1)
    assert send(wheel_name(), wheel()).status_code == 200
    second = send(wheel_name(version="1.1"), wheel(version="1.1"), of=("sample", "1.1"))
    assert "Too much is staged" in reason(second)
    monkeypatch.setattr(keeping, "MOST_RELEASES", 20)
    monkeypatch.setattr(keeping, "MOST_LARGEST_FILES", 0)
    assert "Too much is staged" in reason(send(wheel_name(version="1.1"), wheel(version="1.1"), of=("sample", "1.1")))
    assert StagedRelease.objects.count() == 1


# Who publishes --------------------------------------------------------------------------------------------------------


def refusal(staged: StagedRelease, actor: User, verb: Any = ending.publish) -> str:
    try:
        verb(staged.uid, actor=actor, shown=shown(staged))
    except errors.StagingError as error:
        assert not File.objects.exists()
        return type(error).__name__
    return ""


@pytest.mark.parametrize("verb", [ending.publish, ending.discard])
def test_only_an_owner_who_acts_decides(staged: StagedRelease, kim: User, verb: Any) -> None:
    stranger, maintainer = factories.make_user("bob"), factories.make_user("eve")
    factories.add_role(staged.project, maintainer, kind="maintainer")
    assert refusal(staged, stranger, verb) == refusal(staged, maintainer, verb) == "NotPublisher"
    Role.objects.filter(user=kim).update(accepted_at=None)
    assert refusal(staged, kim, verb) == "NotPublisher"
    Role.objects.filter(user=kim).update(accepted_at=timezone.now(), held_at=timezone.now(), held_for=1)
    assert refusal(staged, kim, verb) == "NotPublisher"
    Role.objects.filter(user=kim).update(held_at=None, held_for=None)
    User.objects.filter(pk=kim.pk).update(quarantined_at=timezone.now())
    assert refusal(staged, kim, verb) == "PublisherInQuarantine"
    User.objects.filter(pk=kim.pk).update(quarantined_at=None, frozen_at=timezone.now())
    assert refusal(staged, kim, verb) == "NotPublisher"
    Role.objects.filter(user=kim).delete()
    assert refusal(staged, kim, verb) == "NotPublisher"


def test_where_another_owner_publishes_the_stager_of_any_file_does_not(
    staged: StagedRelease, send: Send, ada: User, kim: User
) -> None:
    Project.objects.update(guards={"two_step": "another"})
    assert refusal(staged, ada) == "StagerPublishes"
    send(sdist_name(), sdist(), by=mint(kim).text)
    assert refusal(staged, kim) == "StagerPublishes"
    assert refusal(staged, kim, ending.discard) == ""


def test_what_was_shown_is_judged_under_the_lock(staged: StagedRelease, send: Send, kim: User) -> None:
    before = shown(staged)
    send(sdist_name(), sdist())
    for verb in (ending.publish, ending.discard):
        with pytest.raises(errors.ChangedSince):
            verb(staged.uid, actor=kim, shown=before)
    assert not File.objects.exists()


@pytest.mark.parametrize("suffix", ["", ".metadata"])
@pytest.mark.parametrize("how", ["swapped", "gone"])
def test_a_file_swapped_in_the_storage_is_found_and_nothing_is_published(
    staged: StagedRelease, send: Send, kim: User, storage: Path, suffix: str, how: str
) -> None:
    send(sdist_name(), sdist())
    path = storage / (StagedFile.objects.get(filename=wheel_name()).stored_as + suffix)
    path.unlink()
    if how == "swapped":
        path.write_bytes(wheel(body=b"import os\n"))
    assert refusal(staged, kim) == "FileChanged"
    assert stored_files(storage / "dist") == []
    event = Event.objects.get(tag="project:staged:changed")
    assert (event.actor_name, event.data["version"]) == ("kim", "1.0")
    assert refusal(staged, kim, ending.discard) == ""


def test_the_project_may_have_changed_meanwhile(staged: StagedRelease, kim: User, tmp_path: Path) -> None:
    for status in ("archived", "quarantined"):
        Project.objects.update(status=status)
        assert refusal(staged, kim) == "ProjectShut"
    Project.objects.update(status="active")
    old = timezone.now() - timedelta(days=settings.UPLOAD_RELEASE_OPEN_DAYS)
    release = releases.record_release(staged.project, version="1.0", uploaded_at=old, urls=None)
    assert refusal(staged, kim) == "ReleaseShut"
    Release.objects.update(uploaded_at=timezone.now())
    withdrawals.delete(release, actor="system")
    assert refusal(staged, kim) == "ReleaseShut"


def test_an_import_may_have_brought_the_file(staged: StagedRelease, kim: User, tmp_path: Path) -> None:
    path = tmp_path / wheel_name()
    path.write_bytes(wheel(body=b"x = 2\n"))
    import_file(path, uploaded_at=timezone.now())
    with pytest.raises(errors.Taken):
        ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert File.objects.get().sha256 != StagedFile.objects.get().sha256


def test_a_deleted_project_takes_its_staged_releases_along(staged: StagedRelease, kim: User) -> None:
    uid, seen = staged.uid, shown(staged)
    Project.objects.all().delete()
    with pytest.raises(errors.Ended):
        ending.publish(uid, actor=kim, shown=seen)


def test_a_token_for_newer_versions_adds_to_what_it_staged_and_to_nothing_else(
    staged: StagedRelease, send: Send, ada: User, token: str
) -> None:
    narrow = attenuate(mint(ada).text, caveats.NewerVersions())
    assert "was not opened by it" in reason(send(sdist_name(), sdist(), by=narrow))
    own = {"of": ("sample", "1.1"), "by": narrow}
    assert send(wheel_name(version="1.1"), wheel(version="1.1"), **own).status_code == 200
    assert send(sdist_name(version="1.1"), sdist(version="1.1"), **own).status_code == 200


def test_the_guards_are_asked_once_more_at_the_publication(staged: StagedRelease, kim: User, send: Send) -> None:
    Project.objects.update(guards={"two_step": "on", "newer_versions": "on", "second_factor": "key"})
    assert refusal(staged, kim) == "LacksFactor"
    Project.objects.update(guards={"two_step": "on", "newer_versions": "on"})
    releases.record_release(staged.project, version="1.1", uploaded_at=timezone.now(), urls=None)
    assert refusal(staged, kim) == "NotNewest"


def test_who_lacks_the_factor_of_the_project_discards_nothing(staged: StagedRelease, kim: User) -> None:
    """Else a stolen password alone would delete what waits."""
    Project.objects.update(guards={"two_step": "on", "second_factor": "key"})
    with pytest.raises(errors.LacksFactor):
        ending.discard(staged.uid, actor=kim, shown=shown(staged))
    give_key(kim)
    ending.discard(staged.uid, actor=kim, shown=shown(staged))


# After a recovery -----------------------------------------------------------------------------------------------------


@pytest.fixture
def critical(project: Project) -> Project:
    Project.objects.update(guards={"two_step": "off"}, critical=True)
    return project


def recover(user: User, **until: float) -> None:
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(
        quarantined_at=now - timedelta(days=1), quarantine_until=now + timedelta(**until)
    )
    user.refresh_from_db()


def test_uploads_to_a_critical_project_are_staged_while_an_owner_has_limits(
    critical: Project, send: Send, ada: User, kim: User
) -> None:
    assert send(wheel_name(version="0.9"), wheel(version="0.9"), of=("sample", "0.9")).content == b""
    recover(ada, hours=1)
    answer = send(wheel_name(), wheel())
    assert b"The account of somebody in the project was recovered" in answer.content
    staged = StagedRelease.objects.get()
    with pytest.raises(errors.PublisherInQuarantine):
        ending.publish(staged.uid, actor=ada, shown=shown(staged))
    recover(ada, seconds=-1)  # limits that ended since do not shorten the three days
    later(hours=1)
    recover(ada, minutes=-30)
    with pytest.raises(errors.TooSoonAfterRecovery):
        ending.publish(staged.uid, actor=ada, shown=shown(staged))
    ending.publish(staged.uid, actor=kim, shown=shown(staged))
    assert File.objects.count() == 2


def test_after_three_days_the_recovered_owner_publishes_too(critical: Project, send: Send, ada: User) -> None:
    recover(ada, hours=1)
    send(wheel_name(), wheel())
    recover(ada, seconds=-1)
    later(hours=73)
    staged = StagedRelease.objects.get()
    assert expiring.sweep() == 0  # nobody but a person publishes it
    assert not File.objects.exists()
    ending.publish(staged.uid, actor=ada, shown=shown(staged))
    assert File.objects.exists()


def test_uploads_to_a_critical_project_are_staged_while_an_owners_role_rests(
    critical: Project, send: Send, kim: User
) -> None:
    holds.hold(kim, ["sample"], actor="system", ticket=1)
    assert b"Staged" in send(wheel_name(), wheel()).content


def test_uploads_to_other_projects_are_not(critical: Project, send: Send, ada: User) -> None:
    Project.objects.update(critical=False)
    recover(ada, hours=1)
    assert send(wheel_name(), wheel()).content == b""
    assert File.objects.exists()


def test_a_file_added_after_the_recovery_waits_from_its_own_time(
    critical: Project, send: Send, ada: User, kim: User
) -> None:
    """What was staged before for another reason, and is old by now, is no way around the three days."""
    Project.objects.update(guards={"two_step": "on"})
    send(wheel_name(), wheel())
    assert not StagedRelease.objects.get().after_recovery
    later(hours=80)
    recover(ada, hours=1)
    send(sdist_name(), sdist())
    staged = StagedRelease.objects.get()
    assert staged.after_recovery
    recover(ada, seconds=-1)
    StagedFile.objects.filter(filename=sdist_name()).update(staged_at=F("staged_at") - timedelta(minutes=10))
    assert refusal(staged, ada) == "TooSoonAfterRecovery"
    StagedFile.objects.filter(filename=wheel_name()).update(staged_at=timezone.now())  # one more shortens nothing
    assert refusal(staged, ada) == "TooSoonAfterRecovery"
    ending.publish(staged.uid, actor=kim, shown=shown(staged))


def test_the_clock_of_an_earlier_recovery_begins_anew_with_each_file(critical: Project, send: Send, ada: User) -> None:
    recover(ada, hours=1)
    send(wheel_name(), wheel())
    later(hours=80)
    send(sdist_name(), sdist())
    recover(ada, minutes=1)
    later(minutes=30)
    recover(ada, minutes=-1)
    assert refusal(StagedRelease.objects.get(), ada) == "TooSoonAfterRecovery"
