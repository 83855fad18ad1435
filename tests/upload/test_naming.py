"""What a file may be called (tests/data/wheel_names.tsv): one spelling, and no second one for the same wheel."""

import csv
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.projects.archives import file_names
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.models import File, Project
from recoverydesk.projects.published import FileFact
from recoverydesk.projects.releases import record_release
from tests.helpers import factories
from tests.helpers.files import ROOT
from tests.helpers.packages import Send, sdist, wheel

TABLE = ROOT / "tests" / "data" / "wheel_names.tsv"
PLAIN = "kvist_tool-1.0-py3-none-any.whl"
number = iter(range(10**6))


def rows() -> Iterator[tuple[str, str, str]]:
    with TABLE.open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield row["file name"], row["project"], row["answer"]


def publish(send: Send, filename: str, project: str = "kvist-tool", version: str = "", **form: Any) -> str:
    """Upload a file of bytes of its own under this name, said to be of the version its name has; the answer."""
    version = version or (filename.split("-")[1] if filename.endswith(".whl") else filename.rsplit("-", 1)[1][:-7])
    body = b"x = %d\n" % next(number)
    if filename.endswith(".whl"):
        content = wheel("kvist_tool", version.removeprefix("v"), body=body)
    else:
        content = sdist("kvist_tool", version)
    answer: Any = send(filename, content, of=(project, version), project_urls=None, requires_python=None, **form)
    return f"{answer.status_code} {answer.reason_phrase}"


@pytest.mark.parametrize(("filename", "project", "expected"), rows(), ids=[row[0] for row in rows()])
def test_every_row_of_the_table_of_wheel_names(send: Send, filename: str, project: str, expected: str) -> None:
    if "when a file of version 1.0 is there" in expected or "same tags" in expected:
        assert publish(send, PLAIN).startswith("200")
    answer = publish(send, filename, project)
    assert answer[:3] == ("200" if expected.startswith("taken") else "400"), answer
    if "kvist_tool" in expected:
        assert answer == f"400 Filename {filename!r} is invalid, should be {PLAIN!r}."
    if "setting" in expected:
        assert "UPLOAD_PLAIN_LINUX_WHEELS" in answer
    assert bool(Mail.objects.filter(kind="wheel_replaced")) is ("mail" in expected)


@pytest.mark.parametrize(
    "filename",
    [
        "KVIST_TOOL-1.0-py3-none-any.whl", "kvist_Tool-1.0-py3-none-any.whl", "kvist__tool-1.0-py3-none-any.whl",
        "kvist-tool-1.0-py3-none-any.whl", "kvist_tool-01.0-py3-none-any.whl", "kvist_tool-1.0-PY3-none-any.whl",
        "kvist_tool-1.0-py3-None-any.whl", "kvist_tool-1.0-py3-none-any.WHL", "kvist_tool-0!1.0-py3-none-any.whl",
        "kvist_tool-1.0.post1-py3-none-any.whl", "kvist_tool-1.0-x1-py3-none-any.whl", "kvist_tool-1.0-py3-none.whl",
        "Kvist_Tool-1.0.tar.gz", "kvist-tool-1.0.tar.gz", "kvist.tool-1.0.tar.gz", "kvist_tool-v1.0.tar.gz",
        "kvist_tool-01.0.tar.gz", "kvist_tool-1.0.TAR.GZ", "kvist_tool-1.0.tgz", "kvist_tool-1.0.zip",
        "kvist_tool-1.0-py3-none-" + "x" * 230 + ".whl",
        "kvist_tool-1.0-" + "-".join([".".join("abcdefghijk")] * 3) + ".whl",
    ],
)  # fmt: skip
def test_any_other_spelling_is_refused_with_or_without_a_file_there(send: Send, filename: str) -> None:
    is_wheel = "whl" in filename.lower()
    kind = {"filetype": "bdist_wheel", "pyversion": "py3"} if is_wheel else {"filetype": "sdist", "pyversion": "source"}
    for _time in range(2):
        answer = publish(send, filename, version="1.0", **kind)
        assert answer.startswith("400"), answer
        if not Project.objects.exists():
            publish(send, PLAIN)
    assert File.objects.get().filename == PLAIN


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("kvist_tool-1.0-py2.py3-none-any.whl", "kvist_tool-1.0-py3.py2-none-any.whl"),
        ("kvist_tool-1.0-py3-none-any.whl", "kvist_tool-1.0-py3.py3-none-any.whl"),
        ("kvist_tool-1.0-1-py3-none-any.whl", "kvist_tool-1.0-01-py3-none-any.whl"),
        ("kvist_tool-1.0-cp311-cp311-a.b.whl", "kvist_tool-1.0-cp311-cp311-b.a.whl"),
    ],
)
def test_the_same_wheel_by_another_spelling_is_refused(send: Send, first: str, second: str) -> None:
    assert publish(send, first).startswith("200")
    assert publish(send, second) == f"400 Filename {second!r} is invalid: it is another spelling of {first!r}."


OLD_NAMES = ["kvist_tool-1.0.tar.gz", PLAIN, "Kvist.Tool-1.0.zip", "Kvist_Tool-v1.0-py2-none-any.whl"]


@pytest.mark.parametrize("there", OLD_NAMES)
def test_a_release_writes_its_version_in_one_way(send: Send, ada: User, there: str) -> None:
    project = Project.objects.create(name="kvist-tool", normalized_name="kvist-tool")
    factories.add_role(project, ada)
    fact = FileFact(there, "x", 1, "0" * 64, timezone.now())
    record_release(project, version="1.0", uploaded_at=timezone.now(), urls=[], files=[fact])
    for wrong in ("kvist_tool-1.0.0-py3-none-win32.whl", "kvist_tool-1-py3-none-win32.whl"):
        answer = publish(send, wrong)
        if there.endswith(".zip"):  # nobody knows where its version begins
            assert answer.startswith("200")
            return
        written = "the files of this release begin with 'kvist_tool-1.0...'."
        assert answer == f"400 Filename {wrong!r} is invalid: {written}"
    assert publish(send, "kvist_tool-1.0-py3-none-win32.whl").startswith("200")


def test_a_private_registry_may_take_wheels_for_plain_linux(send: Send, settings: Any) -> None:
    for platform in ("linux_x86_64", "linux_aarch64", "any.linux_i686", "manylinux2014_x86_64.linux_x86_64"):
        filename = f"kvist_tool-1.0-cp311-cp311-{platform}.whl"
        assert "has an unsupported platform tag 'linux_" in publish(send, filename)
        settings.UPLOAD_PLAIN_LINUX_WHEELS = True
        assert publish(send, filename).startswith("200")
        settings.UPLOAD_PLAIN_LINUX_WHEELS = False
    for platform in ("manylinux_2_17_x86_64.manylinux2014_x86_64", "musllinux_1_2_x86_64", "linux_armv7l", "win32"):
        assert publish(send, f"kvist_tool-1.0-cp311-cp311-{platform}.whl").startswith("200")


def told() -> list[tuple[str, list[str]]]:
    mails = Mail.objects.filter(kind="wheel_replaced").order_by("pk")
    return [(mail.recipient, list(mail.context["replaced"])) for mail in mails]


def test_every_owner_hears_of_a_build_that_takes_a_wheels_place(send: Send, ada: User) -> None:
    kim, bob = factories.make_user("kim"), factories.make_user("bob")
    project = Project.objects.create(name="kvist-tool", normalized_name="kvist-tool")
    for owner in (ada, kim):
        factories.add_role(project, owner)
    factories.add_role(project, bob, kind="maintainer")
    for quiet in (PLAIN, "kvist_tool-1.0-cp311-cp311-win32.whl", "kvist_tool-1.0-2-cp311-cp311-manylinux1_x86_64.whl"):
        assert publish(send, quiet).startswith("200")
    assert told() == []
    assert publish(send, "kvist_tool-1.0-3-py2.py3-none-any.whl").startswith("200")
    assert told() == [("ada@example.org", [PLAIN]), ("kim@example.org", [PLAIN])]
    text = outbox.render(Mail.objects.filter(kind="wheel_replaced")[0]).text
    assert f"- {PLAIN}\n" in text
    assert "ada uploaded kvist_tool-1.0-3-py2.py3-none-any.whl to your project kvist-tool." in text
    assert publish(send, "kvist_tool-1.0-2-py3-none-any.whl").startswith("200")
    assert told()[2:] == [("ada@example.org", [PLAIN]), ("kim@example.org", [PLAIN])]
    assert publish(send, "kvist_tool-1.0-10-py3-none-any.whl").startswith("200")
    both = ["kvist_tool-1.0-2-py3-none-any.whl", "kvist_tool-1.0-3-py2.py3-none-any.whl", PLAIN]
    assert told()[4:] == [("ada@example.org", both), ("kim@example.org", both)]


def test_many_builds_bomb_nobody(send: Send) -> None:
    publish(send, PLAIN)
    for build in range(1, 9):
        assert publish(send, f"kvist_tool-1.0-{build}-py3-none-any.whl").startswith("200")
    assert len(told()) == 5


def test_a_name_of_too_many_tags_is_no_work() -> None:
    with pytest.raises(InvalidArchive, match="more than 1000 tags"):
        file_names.check_tags("a-1-" + "-".join([".".join(["x"] * 11)] * 3) + ".whl")
