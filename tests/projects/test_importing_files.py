"""import_projects with real wheels and sdists."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from recoverydesk.projects.models import File, Project, Release, RepositoryLink
from tests.helpers import packages

pytestmark = pytest.mark.django_db
AT = "2024-05-01T12:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path / "storage"
    (tmp_path / packages.wheel_name()).write_bytes(packages.wheel())
    (tmp_path / packages.sdist_name()).write_bytes(packages.sdist())
    return tmp_path


def run(*arguments: object) -> None:
    call_command("import_projects", *map(str, arguments))


def test_real_files_become_a_release_with_its_links_and_can_be_installed(folder: Path, client: Client) -> None:
    run(folder / packages.wheel_name(), folder / packages.sdist_name(), "--uploaded-at", AT)
    release = Release.objects.get()
    assert (release.project.name, release.version, release.files.count()) == ("sample", "1.0", 2)
    assert release.urls == [["Source", "https://code.example/ada/sample"]]
    assert RepositoryLink.objects.get().first_seen == release.uploaded_at
    assert b"".join(client.get(f"/simple/sample/{packages.wheel_name()}")) == packages.wheel()


def test_a_second_run_and_a_dry_run_change_nothing(folder: Path, settings: Any) -> None:
    run(folder / packages.wheel_name(), "--uploaded-at", AT, "--dry-run")
    assert (Project.objects.count(), list(Path(settings.MEDIA_ROOT).rglob("*.whl"))) == (0, [])
    for _time in range(2):
        run(folder / packages.wheel_name(), "--uploaded-at", AT)
    assert (Release.objects.count(), File.objects.count()) == (1, 1)


def test_a_file_without_a_time_or_of_another_name_is_refused(folder: Path, capsys: Any) -> None:
    wrong = folder / packages.wheel_name("other")
    wrong.write_bytes(packages.wheel())
    for path, options, why in (
        (folder / packages.wheel_name(), [], "--uploaded-at"),
        (wrong, ["--uploaded-at", AT], ".dist-info"),
    ):
        with pytest.raises(CommandError):
            run(path, *options)
        assert why in capsys.readouterr().err
    assert not Project.objects.exists()
