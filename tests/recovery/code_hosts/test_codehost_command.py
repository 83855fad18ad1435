"""The commands that describe code hosts, read URLs and look at one branch."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from accounts.mail.models import Mail
from accounts.mail.rendering import render
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.demo import codehost as git_host
from recoverydesk.projects.models import Project, RepositoryLink
from recoverydesk.projects.services import record_release
from recoverydesk.recovery.code_hosts import described
from recoverydesk.recovery.code_hosts.described import parse_stored
from recoverydesk.recovery.errors import NotAllowed
from recoverydesk.recovery.models import CodeHost
from recoverydesk.recovery.permissions import staff
from tests.helpers.commands import exit_code
from tests.helpers.hosts import serve

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., User]
TOKEN = "000-recovery-" + "a" * 26
RESULT_KEYS = "verdict host namespace repository protocol requests bytes_sent bytes_received elapsed_ms peer detail"


@pytest.fixture
def make_user() -> MakeUser:
    def make(username: str, *, verified: bool = True, **fields: bool) -> User:
        user = User.objects.create_user(username, f"{username}@example.org", "a long password", **fields)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
        return user

    return make


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().strip()


def test_a_local_host_can_be_described_and_its_urls_are_read_then() -> None:
    url = "http://localhost:8001/ada/tool.git"
    assert json.loads(run("boundary", "--json", url))["host"] is None
    run("codehost", "add", "http://localhost:8001", "--private", "--plain-http")
    assert json.loads(run("boundary", "--json", url)) == {
        "url": url,
        "host": "localhost:8001",
        "namespace": "ada",
        "repository": "tool",
    }


def test_boundary_prints_one_json_line_for_each_url_with_nulls() -> None:
    lines = run(
        "boundary", "--json", "https://github.com/PSF/Requests", "UNKNOWN", "https://github.com/psf"
    ).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"url": "https://github.com/PSF/Requests", "host": "github.com", "namespace": "psf", "repository": "requests"},
        {"url": "UNKNOWN", "host": None, "namespace": None, "repository": None},
        {"url": "https://github.com/psf", "host": "github.com", "namespace": "psf", "repository": None},
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["http://localhost:8001", "--private"], "--plain-http"),
        (["https://localhost:8001", "--private", "--plain-http"], "--plain-http"),
        (["http://localhost:8001", "--plain-http"], "--private"),
        (["https://10.0.0.5"], "--private"),
        (["https://[::1]:8443"], "--private"),
        (["https://git.example.org/team"], "not an origin"),
        (["ftp://git.example.org"], "not an origin"),
        (["https://user@git.example.org"], "not an origin"),
        (["https://git.example.org:0"], "port"),
    ],
)
def test_an_origin_that_needs_more_or_is_none_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run("codehost", "add", *words)
    assert not CodeHost.objects.exists()
    assert not Event.objects.filter(tag=Tag.CODEHOST_ADD).exists()


@pytest.mark.parametrize(
    ("origin", "key"),
    [
        ("https://10.0.0.5", "10.0.0.5"),
        ("https://[0:0::1]:8443/", "[::1]:8443"),
        ("https://Git.Example.org", "git.example.org"),
        ("https://git.example.org:443", "git.example.org"),
        ("https://git.example.org:8443", "git.example.org:8443"),
    ],
)
def test_the_key_is_the_one_boundaries_carry(origin: str, key: str) -> None:
    run("codehost", "add", origin, "--private", "--style", "nested")
    assert list(described.stored_hosts()) == [key]


def test_every_change_is_an_event_and_a_mail_to_each_admin(make_user: MakeUser) -> None:
    make_user("root", is_superuser=True)
    make_user("ada").groups.add(Group.objects.get_or_create(name="Admins")[0])
    make_user("unverified", verified=False, is_superuser=True)
    make_user("gone", is_superuser=True, is_active=False)
    make_user("kim").groups.add(Group.objects.get_or_create(name="Moderators")[0])
    run("codehost", "add", "https://git.example.org")
    run("codehost", "add", "https://git.example.org", "--style", "nested")
    for action in ("pause", "pause", "resume", "remove"):
        run("codehost", action, "git.example.org")
    events = Event.objects.filter(tag__startswith="codehost:").order_by("id")
    assert [event.tag for event in events] == [
        Tag.CODEHOST_ADD,
        Tag.CODEHOST_CHANGE,
        Tag.CODEHOST_PAUSE,
        Tag.CODEHOST_RESUME,
        Tag.CODEHOST_REMOVE,
    ]
    assert {event.actor_name for event in events} == {"system"}
    mails = Mail.objects.filter(kind="codehost_changed")
    assert mails.count() == 10
    assert {mail.recipient for mail in mails} == {"root@example.org", "ada@example.org"}
    assert all("git.example.org" in render(mail).text and "system" in render(mail).text for mail in mails)


def test_stored_links_are_read_again_when_their_host_changes() -> None:
    project = Project.objects.create(name="tool", normalized_name="tool")
    link = [("Source", "http://localhost:8001/ada/tool")]
    record_release(project, version="1.0", uploaded_at=datetime(2024, 1, 1, tzinfo=UTC), urls=link)
    assert places() == [("", "", "")]
    told = run("codehost", "add", "http://localhost:8001", "--private", "--plain-http")
    assert places() == [("localhost:8001", "ada", "tool")]
    assert told.endswith("links of 1 projects differently.")
    run("codehost", "remove", "localhost:8001")
    assert places() == [("", "", "")]


def places() -> list[tuple[str, str, str]]:
    return list(RepositoryLink.objects.values_list("host", "namespace", "repository"))


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(CommandError, match=r"no such code host.*nowhere\.example"):
        run("codehost", "pause", "nowhere.example")


def test_the_list_shows_what_is_allowed() -> None:
    run("codehost", "add", "http://localhost:8001", "--private", "--plain-http")
    run("codehost", "pause", "localhost:8001")
    assert run("codehost", "list") == "localhost:8001\thttp://localhost:8001\towner\tprivate,plain-http,paused"


def test_only_the_shell_or_a_superuser_decides_where_we_look(make_user: MakeUser) -> None:
    admin = make_user("ada")
    admin.groups.add(Group.objects.get_or_create(name="Admins")[0])
    with pytest.raises(NotAllowed):
        described.describe_host("https://git.example.org", actor=staff(admin))
    described.describe_host("https://git.example.org", actor=staff(make_user("root", is_superuser=True)))
    assert Event.objects.get(tag=Tag.CODEHOST_ADD).actor_name == "root"


def test_check_branch_says_found_missing_or_neither_by_its_exit_code(tmp_path: Path) -> None:
    folder = git_host.create_repository(tmp_path, "ada/tool")
    with serve(git_host.make_app(tmp_path)) as url:
        assert exit_code("check_branch", f"{url}/ada/tool", TOKEN)[0] == 2
        run("codehost", "add", url, "--private", "--plain-http")
        assert exit_code("check_branch", f"{url}/ada/tool", TOKEN)[0] == 1
        git_host.git(folder, "branch", TOKEN, "main")
        code, out = exit_code("check_branch", "--json", f"{url}/ada/tool.git", TOKEN)
        assert exit_code("check_branch", f"{url}/ada/none", TOKEN)[0] == 2
        run("codehost", "pause", url)  # by its origin
        assert exit_code("check_branch", f"{url}/ada/tool", TOKEN)[0] == 2
    result = json.loads(out)
    assert code == 0
    assert " ".join(result) == RESULT_KEYS
    assert (result["verdict"], result["host"], result["namespace"]) == ("found", url.removeprefix("http://"), "ada")


def test_check_branch_refuses_a_name_git_refuses() -> None:
    with pytest.raises(CommandError) as refused:
        run("check_branch", "https://github.com/psf/requests", "a b")
    assert refused.value.returncode == 2


def changes() -> list[Event]:
    return list(Event.objects.filter(tag__in=[Tag.CODEHOST_ADD, Tag.CODEHOST_CHANGE]).order_by("id"))


def test_describing_a_host_again_tells_what_changed_and_nothing_when_nothing_did() -> None:
    for style in ("owner", "owner", "nested"):
        described.describe_host("https://git.example.org", style=style)
    first, second = changes()
    assert (first.tag, second.tag) == (Tag.CODEHOST_ADD, Tag.CODEHOST_CHANGE)
    assert (second.data["was"]["style"], second.data["style"]) == ("owner", "nested")


@pytest.mark.parametrize("damage", [{"origin": "no origin"}, {"origin": "https://other.example"}, {"style": "odd"}])
def test_a_row_that_cannot_be_read_stops_only_itself(damage: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    for host in ("a", "b"):
        described.describe_host(f"https://git.{host}.example.org", style="nested")
    CodeHost.objects.filter(host="git.a.example.org").update(**damage)
    assert set(described.stored_hosts()) == {"git.b.example.org"}
    assert "cannot be read: describe it anew" in caplog.text
    assert parse_stored("https://git.b.example.org/one/two/three").repository
    described.describe_host("https://git.a.example.org", style="nested")
    assert set(described.stored_hosts()) == {"git.a.example.org", "git.b.example.org"}
