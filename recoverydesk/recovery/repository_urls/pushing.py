"""How an owner makes the branch we look for: on the code host's web page, or with commands to copy. Pure.

The branch name is the end of a command and never part of what is made here, so that it stays where it may stand.
"""

import re
import shlex
from dataclasses import asdict, dataclass
from typing import Any

from recoverydesk.recovery.repository_urls import known_hosts, url_text
from recoverydesk.recovery.repository_urls.parser import NO_HOSTS, Hosts, parse, probe_url

LONGEST_FOLDER = 60
# Where a code host makes a branch by a button: a page of the repository's, by the software of the host, as their own
# papers say. GitHub "Creating a branch via the branches overview"; GitLab "Branches > New branch"; Forgejo and Gitea
# templates/repo/branch/list.tmpl (a button beside each branch); Bitbucket "Branch a repository" (Create > Branch).
PAGES = {
    "GitHub": "{repository}/branches",
    "GitLab": "{repository}/-/branches/new",
    "Forgejo": "{repository}/branches",
    "Bitbucket": "{repository}/branches/",
}
SOFTWARE = {
    "github.com": "GitHub",
    "bitbucket.org": "Bitbucket",
    "codeberg.org": "Forgejo",
    **dict.fromkeys(("gitlab.com", "salsa.debian.org", "gitlab.gnome.org", "invent.kde.org", "framagit.org"), "GitLab"),
}


@dataclass(frozen=True)
class Command:
    """One line for a shell; where `named`, the branch name comes right after it."""

    text: str
    named: bool = False


@dataclass(frozen=True)
class Way:
    """How to make a branch in one repository. `page` is empty where we know no button."""

    page: str
    anywhere: list[Command]  # in any clone of the repository
    fresh: list[Command]  # without one

    def as_json(self) -> dict[str, Any]:
        """For the row of a mail."""
        return asdict(self)


def way(url: str, hosts: Hosts = NO_HOSTS) -> Way | None:
    """How to make a branch in the repository this URL names; None where it names none."""
    place = parse(url, hosts)
    asked = probe_url(place, hosts)
    if not place.names_repository:
        return None
    folder = re.sub(r"[^a-z0-9]+", "-", f"recovery-{place.host}-{place.namespace}".lower())[:LONGEST_FOLDER].strip("-")
    make = _mercurial if url_text.split_url(asked).host in known_hosts.MERCURIAL else _git
    anywhere, fresh = make(shlex.quote(asked.removesuffix(".git") if make is _mercurial else asked), folder)
    return Way(_page(place.host, asked), anywhere, fresh)


def _page(host: str, asked: str) -> str:
    software = SOFTWARE.get(host)
    return PAGES[software].format(repository=asked.removesuffix(".git")) if software else ""


def _git(url: str, folder: str) -> tuple[list[Command], list[Command]]:
    anywhere = [Command(f"git push {url} HEAD:refs/heads/", named=True)]
    clone = Command(f"git clone --depth 1 {url} {folder}")
    return anywhere, [clone, Command(f"git -C {folder} push origin HEAD:refs/heads/", named=True)]


def _mercurial(url: str, folder: str) -> tuple[list[Command], list[Command]]:
    """A bookmark is what Mercurial has for a branch that costs nothing."""
    anywhere = [Command("hg bookmark ", named=True), Command(f"hg push {url} --bookmark ", named=True)]
    clone = Command(f"hg clone {url} {folder}")
    there = [Command(f"hg -R {folder} {verb} ", named=True) for verb in ("bookmark", "push --bookmark")]
    return anywhere, [clone, *there]
