"""How the claimant makes the branch: pages and commands that really work, in the mail and on the status page."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from accounts.mail import outbox
from accounts.models import User
from recoverydesk.demo import codehost
from recoverydesk.recovery import notices
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.probing import show_how
from recoverydesk.recovery.repository_urls import pushing
from recoverydesk.recovery.templatetags.desk_tags import shown_command
from tests.helpers import factories
from tests.helpers.files import ROOT
from tests.helpers.hosts import Host, git
from tests.helpers.links import branch_in, link_in, mails_to, path
from tests.helpers.tickets import add_boundary, make_ticket, prove, status_link

BIN = Path(sys.executable).parent
NAME = "000-recovery-" + "a" * 26


def commands(found: list[pushing.Command]) -> list[str]:
    return [one.text + (NAME if one.named else "") for one in found]


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://github.com/PSF/requests/issues", "https://github.com/PSF/requests/branches"),
        ("https://gitlab.com/a/b/c/-/tree/main", "https://gitlab.com/a/b/c/-/branches/new"),
        ("https://salsa.debian.org/a/b.git", "https://salsa.debian.org/a/b/-/branches/new"),
        ("https://codeberg.org/a/b", "https://codeberg.org/a/b/branches"),
        ("git@bitbucket.org:a/b.git", "https://bitbucket.org/a/b/branches/"),
        ("https://git.example.org/a/b.git", ""),
        ("https://git.sr.ht/~ada/tool", ""),
    ],
)
def test_the_page_with_the_button_for_a_new_branch(url: str, page: str) -> None:
    found = pushing.way(url)
    assert found is not None
    assert found.page == page


def test_the_commands_name_the_address_that_can_be_cloned() -> None:
    found = pushing.way("https://github.com/Azure/sdk/tree/main/core")
    assert found is not None
    assert commands(found.anywhere) == [f"git push https://github.com/Azure/sdk.git HEAD:refs/heads/{NAME}"]
    assert commands(found.fresh) == [
        "git clone --depth 1 https://github.com/Azure/sdk.git recovery-github-com-azure",
        f"git -C recovery-github-com-azure push origin HEAD:refs/heads/{NAME}",
    ]
    assert pushing.way("https://github.com/Azure") is None


def test_what_stands_in_an_address_reaches_no_shell() -> None:
    for url in ("https://github.com/a/$(id)", "https://github.com/a/b;id", "https://git.example.org/`id`/b.git"):
        found = pushing.way(url)
        assert found is None or not re.search(r"[$`;&|]", " ".join(commands(found.anywhere + found.fresh)))


def run(lines: list[str], folder: Path) -> None:
    """What a person pastes into a terminal; Mercurial answers 1 where there were no changes besides the bookmark."""
    folder.mkdir(exist_ok=True)
    environment = {**codehost.environment(), "HOME": str(folder), "no_proxy": "127.0.0.1,localhost", "HGPLAIN": "1"}
    environment["PATH"] = f"{BIN}:{os.environ['PATH']}"  # where Mercurial is
    for line in lines:
        done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0 or (line.startswith("hg") and done.returncode == 1), done.stderr


def test_the_commands_of_a_mercurial_repository_make_a_bookmark(tmp_path: Path) -> None:
    found = pushing.way("https://foss.heptapod.net/openpyxl/openpyxl")
    assert found is not None
    there, url = tmp_path / "there", "https://foss.heptapod.net/openpyxl/openpyxl"
    run([f"hg init {there}", f"touch {there}/a", f"hg -R {there} commit -A -u ada -m first"], tmp_path)
    for number, lines in enumerate((found.fresh, found.anywhere)):
        folder = tmp_path / f"claimant{number}"
        if lines is found.anywhere:
            run([f"hg clone {there} {folder}"], tmp_path)
        run([line.replace(url, str(there)).replace(NAME, f"{NAME}{number}") for line in commands(lines)], folder)
        listed = subprocess.run([f"{BIN}/hg", "-R", str(there), "bookmarks"], capture_output=True, text=True)
        assert f"{NAME}{number}" in listed.stdout


def asked(host: Host, subject: User, *repositories: str) -> str:
    """The challenge mail of an owner of these repositories."""
    for repository in repositories:
        url = host.create(repository)
        factories.make_project(repository.replace("/", "-"), subject, urls=[("Source", url)])
    Client().post("/recover/", {"username": "ada", "claim": "second_factor", "codes": "lost"})
    sweep.sweep()
    sweep.sweep()
    return mails_to("ada@example.org", "Show us")[0]


def of_mail(text: str) -> list[list[str]]:
    """The blocks of commands, as they stand there."""
    blocks: list[list[str]] = []
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("    git "):
            block.append(line.strip())
        elif block:
            blocks, block = [*blocks, block], []
    return blocks


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fresh", [False, True])
def test_the_commands_of_the_mail_work_as_they_stand(fresh: bool, host: Host, subject: User, tmp_path: Path) -> None:
    mail = asked(host, subject, "ada/tool", "kim/other")
    blocks = of_mail(mail)
    assert [len(block) for block in blocks] == [1, 2, 1, 2]  # an owner has one of each
    folder = tmp_path / "claimant"
    for lines in blocks[fresh::2]:
        if not fresh:
            url = lines[0].split()[2]
            folder = tmp_path / url.rsplit("/", 1)[-1]
            git(tmp_path, "clone", "--quiet", url, str(folder))
        run(lines, folder)
    Client().post(link_in(mail, "/recover/status/"), {"pushed": "1"})
    sweep.sweep()
    assert RecoveryTicket.objects.get().status == Status.WAITING


@pytest.mark.django_db(transaction=True)
def test_the_commands_of_the_status_page_work_with_the_name_of_the_mail(
    host: Host, subject: User, tmp_path: Path
) -> None:
    mail = asked(host, subject, "ada/tool")
    page = Client().get(link_in(mail, "/recover/status/")).content.decode()
    shown = [re.sub(r"<[^>]*>", "", one) for one in re.findall(r"<pre><code>(.*?)</code></pre>", page)]
    assert len(shown) == 3
    run([one.replace("BRANCH", branch_in(mail)) for one in shown[1:]], tmp_path / "claimant")
    sweep.sweep()
    Client().post(link_in(mail, "/recover/status/"), {"pushed": "1"})
    sweep.sweep()
    assert RecoveryTicket.objects.get().status == Status.WAITING


@pytest.mark.django_db
def test_the_status_page_has_a_field_that_cannot_be_sent_and_never_the_name(subject: User) -> None:
    ticket = make_ticket(subject)
    add_boundary(ticket, host="github.com", repositories=[{"url": "https://github.com/ada/tool"}])
    page = Client().get(path(status_link(ticket))).content.decode()
    field = re.findall(r'<input id="branch"[^>]*>', page)
    assert len(field) == 1
    assert "name=" not in field[0]
    before = page.partition(field[0])[0]
    assert before.count("<form") == before.count("</form>")
    assert 'href="https://github.com/ada/tool/branches" rel="noreferrer' in page
    assert "<span data-branch>BRANCH</span>" in page
    assert "000-recovery-" not in page.replace("begins with 000-recovery-.", "")
    assert "TOKEN" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["bitbucket.org", "github.com"])
def test_where_a_page_may_change_the_name_page_and_mail_say_so(subject: User, host: str) -> None:
    """Bitbucket puts the prefix of a branch's type before it, and a nested name proves nothing (rule 3)."""
    ticket = make_ticket(subject)
    link = status_link(ticket)
    row = add_boundary(ticket, host=host, repositories=[{"url": f"https://{host}/ada/tool"}])
    page = Client().get(path(link)).content.decode()
    sent = outbox.render(notices.send_challenge(ticket, [row], wait=timedelta(days=1), round_=0)).text
    for said in (page, sent):
        assert ("Choose a type that adds nothing" in said) == (host == "bitbucket.org")


@pytest.mark.django_db
def test_an_owner_that_is_proved_needs_no_commands(subject: User) -> None:
    ticket = make_ticket(subject)
    repository = {"url": "https://github.com/ada/tool", "repository": "tool"}
    prove(add_boundary(ticket, host="github.com", repositories=[repository]))
    assert "<span data-branch>" not in Client().get(path(status_link(ticket))).content.decode()


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("git ls-remote https://x/TOKEN.git refs/heads/TOKEN", "git ls-remote https://x/TOKEN.git refs/heads/BRANCH"),
        ("manage.py check_branch https://x TOKEN", "manage.py check_branch https://x BRANCH"),
        ("git ls-remote https://x refs/heads/BRANCH", "git ls-remote https://x refs/heads/BRANCH"),
    ],
)
def test_a_stored_command_is_shown_with_todays_word(stored: str, shown: str) -> None:
    assert shown_command(stored) == shown
    assert show_how.with_name(shown, NAME).endswith(NAME)


def test_no_page_and_no_mail_says_empty_branch_or_token_for_a_branch() -> None:
    root = ROOT
    texts = {one.name: one.read_text() for one in (root / "templates").rglob("*.*")}
    found = [name for name, text in texts.items() if re.search(r"empty\s+branch|\bTOKEN\b(?! *=|…)", text)]
    assert [name for name in found if name != "made.html"] == []
