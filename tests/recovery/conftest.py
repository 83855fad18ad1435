"""What the ticket office's tests share: a subject with factors and projects, a code host, a way to push."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.db.models.functions import Now

from accounts.models import User
from recoverydesk.demo import codehost
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import CodeHost, RecoveryTicket
from tests import factories
from tests.support import git, serve

LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Host:
    """A real code host on loopback that the desk knows."""

    url: str
    root: Path

    @property
    def key(self) -> str:
        return self.url.removeprefix("http://")

    def create(self, path: str, **options: object) -> str:
        """Make the repository `owner/name` and return its URL."""
        codehost.create_repository(self.root, path, **options)  # type: ignore[arg-type]
        return f"{self.url}/{path}"

    def push(self, url: str, branch: str, folder: Path) -> None:
        """Do what the challenge mail tells the claimant to do."""
        clone = folder / url.rsplit("/", 1)[-1]
        git(folder, "clone", "--quiet", "--depth", "1", url, str(clone))
        git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")


@pytest.fixture
def host(tmp_path: Path, db: None) -> Iterator[Host]:
    root = tmp_path / "repositories"
    root.mkdir()
    with serve(codehost.make_app(root)) as url:
        key = url.removeprefix("http://")
        CodeHost.objects.create(host=key, origin=url, style="owner", private=True, plain_http=True)
        yield Host(url, root)


@pytest.fixture
def subject(db: None) -> User:
    """A user with an app and recovery codes, and no projects."""
    user = factories.make_user("ada")
    factories.add_totp(user)
    factories.add_codes(user)
    return user


def mails_to(address: str, word: str = "") -> list[str]:
    """The texts of the sent mails to an address whose subject has this word."""
    return [str(one.body) for one in mail.outbox if address in one.to and word in one.subject]


def link_in(text: str, part: str) -> str:
    """The path of the mailed link whose address has this part."""
    line = next(line for line in text.splitlines() if part in line)
    return line.strip().removeprefix("http://localhost:8000")


def branch_in(text: str) -> str:
    """The branch token of a challenge mail."""
    return next(line.strip() for line in text.splitlines() if line.strip().startswith("000-recovery-"))


def let_time_pass(ticket: RecoveryTicket, seconds: float = 0) -> None:
    """Put the end of the waiting period `seconds` from now, by the database's clock, and sweep."""
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=Now() + timedelta(seconds=seconds))
    sweep.sweep()
