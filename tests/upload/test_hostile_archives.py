"""Archives that mean harm leave nothing behind, neither a row nor a file nor memory."""

import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from recoverydesk.projects.archives import distribution
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.models import File, Release
from tests.helpers.packages import Send, sdist, sdist_name, stored_files, wheel, wheel_name
from tests.upload import hostile

MOST_MEMORY = 16 * 2**20


@hostile.each
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    send: Send, storage: Path, filename: str, make: Callable[[], bytes]
) -> None:
    response: Any = send(filename, make())
    assert (response.status_code, response.reason_phrase[:26]) in {
        (400, "Invalid distribution file."),
        (400, "Upload payload does not ha"),
    }
    assert (File.objects.count(), Release.objects.count(), stored_files(storage)) == (0, 0, [])


@hostile.each
@pytest.mark.thorough
def test_looking_into_it_takes_little_memory(filename: str, make: Callable[[], bytes]) -> None:
    data = make()
    tracemalloc.start()
    with pytest.raises(InvalidArchive):
        distribution.inspect(BytesIO(data), len(data), distribution.parse(filename))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST_MEMORY


@pytest.mark.parametrize(("filename", "data"), [(wheel_name(), wheel()), (sdist_name(), sdist())])
def test_a_right_archive_is_not_taken_for_a_hostile_one(filename: str, data: bytes) -> None:
    raw = distribution.inspect(BytesIO(data), len(data), distribution.parse(filename)).raw
    assert (raw["name"], raw["version"]) == ("sample", "1.0")


@pytest.mark.parametrize(("filename", "data"), [(wheel_name(), wheel()), (sdist_name(), sdist())])
def test_every_cut_of_a_right_archive_is_refused_by_name(filename: str, data: bytes) -> None:
    for length in range(0, len(data), 7):
        with pytest.raises(InvalidArchive):
            distribution.inspect(BytesIO(data[:length]), length, distribution.parse(filename))
