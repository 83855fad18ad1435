"""How each kind of code host writes a repository into a path.

One reader per kind. A reader gets the path's segments as written and says who owns the repository, what it is called
and where its host answers for it; `None` means the path says nothing about an owner. Names are lower-cased where the
host itself ignores case, and nowhere else: a finer key only asks for more branches.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

SEGMENT = re.compile(r"[A-Za-z0-9_.~+%-]+")
WIKI = (".wiki", ".wiki.git")


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON_PAGES = words("- admin api assets explore login org orgs search settings user users")
GITHUB_PAGES = COMMON_PAGES | words(
    "about account advisories apps codespaces collections contact customer-stories dashboard downloads enterprise"
    " events features gist git-guides issues join logout marketplace new nonprofit notifications open-source"
    " organizations premium-support pricing pulls readme resources security site solutions sponsors stars team topics"
    " trending"
)
GITLAB_PAGES = COMMON_PAGES | words(
    "dashboard groups help jwt oauth profile projects public s snippets u unsubscribes uploads"
)
GITLAB_VIEWS = words(
    "archive badges blame blob boards branches builds commit commits compare edit find_file graphs issues jobs labels"
    " merge_requests milestones network pipelines project_members raw refs releases snippets tags tree wikis"
)
MOUNTS = words(  # what a server is mounted at, never who owns what is below it
    "w r g git cgit gitweb scm vcs hg gitiles gerrit anongit repo repos repositories pub srv var opt cgi-bin"
    " cgit.cgi gitweb.cgi hgweb.cgi"
)
EVERYTHING = "*"
SOURCEFORGE_MOUNTS = words("code git hg svn")


class Read(NamedTuple):
    """Who owns the repository, its name (empty when the path names none), and the path its host is asked at."""

    namespace: str
    repository: str = ""
    path: str = ""


Reader = Callable[[list[str]], Read | None]


def usable(segments: list[str]) -> bool:
    """Only plain characters go into a key or a request; a wiki may be writable by anybody and proves nothing."""
    return all(SEGMENT.fullmatch(one) for one in segments) and not any(one.lower().endswith(WIKI) for one in segments)


def stem(segment: str) -> str:
    """`tool.git` and `tool` are one repository."""
    return segment[:-4] if segment.lower().endswith(".git") else segment


def is_git(segment: str) -> bool:
    return segment.lower().endswith(".git") and len(segment) > len(".git")


def owner(segments: list[str], pages: frozenset[str] = COMMON_PAGES) -> Read | None:
    """github.com and its like: first segment the owner, second the repository, the rest a view of it."""
    if not segments or not usable(segments[:2]) or segments[0].lower() in pages:
        return None
    if len(segments) == 1 or not stem(segments[1]):
        return Read(segments[0].lower())
    name = stem(segments[1])
    return Read(segments[0].lower(), name.lower(), f"/{segments[0]}/{name}.git")


def github(segments: list[str]) -> Read | None:
    return owner(segments, GITHUB_PAGES)


def nested(segments: list[str]) -> Read | None:
    """GitLab and its like: every sub-group is an owner of its own; `/-/` or an old view's name ends the path."""
    whole = _project_path(segments)
    if not whole or not usable(whole) or whole[0].lower() in GITLAB_PAGES:
        return None
    *groups, last = whole
    if not groups or not stem(last):
        return Read("/".join(whole).lower())
    path = "/".join([*groups, stem(last)])
    return Read("/".join(groups).lower(), stem(last).lower(), f"/{path}.git")


def _project_path(segments: list[str]) -> list[str]:
    for position, segment in enumerate(segments):
        if segment == "-" or (position > 1 and segment.lower() in GITLAB_VIEWS):
            return segments[:position]
        if is_git(segment):
            return segments[: position + 1]
    return segments


def single(segments: list[str]) -> Read | None:
    """A host with one owner: everything on it is theirs, and the whole path is the repository's name."""
    whole = _through_git(segments) or segments
    if not whole or not usable(whole):
        return None
    name = "/".join([*whole[:-1], stem(whole[-1])])
    return Read(EVERYTHING, name, "/" + "/".join(whole))


def unknown(segments: list[str]) -> Read | None:
    """Any other host: only a path with `.git` names a repository; the folders before it are the owner.

    A repository at the top has no folder: it is its own owner, under its full name, which no folder can have. So is
    one that has only the server's mount above it.
    """
    whole = _through_git(segments)
    if not whole or not usable(whole):
        return None
    *folders, last = whole
    own = whole if all(folder.lower() in MOUNTS for folder in folders) else folders
    return Read("/".join(own), stem(last), "/" + "/".join(whole))


def _through_git(segments: list[str]) -> list[str]:
    for position, segment in enumerate(segments):
        if is_git(segment):
            return segments[: position + 1]
    return []


def sourcehut(segments: list[str]) -> Read | None:
    """git.sr.ht and hg.sr.ht: `~user/repository`."""
    if not segments or not segments[0].startswith("~") or not usable(segments[:2]):
        return None
    if len(segments) == 1:
        return Read(segments[0].lower())
    return Read(segments[0].lower(), segments[1].lower(), "/" + "/".join(segments[:2]))


def launchpad_page(segments: list[str]) -> Read | None:
    """launchpad.net, bugs.launchpad.net …: a project or a person, never a repository."""
    if not segments or not usable(segments[:1]) or segments[0].startswith("+"):
        return None
    return Read(segments[0].lower())


def launchpad_code(segments: list[str]) -> Read | None:
    """git.launchpad.net and code.launchpad.net: `project`, or `~owner/project/+git/repository`."""
    page = launchpad_page(segments)
    if page is None or not page.namespace.startswith("~"):
        return page and Read(page.namespace, stem(page.namespace), "/" + segments[0])
    names = [one for one in segments[1:4] if one != "+git"]
    if not names or names[0].startswith("+") or not usable(names):
        return page
    return Read(page.namespace, "/".join(names).lower(), "/" + "/".join(segments[:4]))


def sourceforge_page(segments: list[str]) -> Read | None:
    """sourceforge.net: `p/project/mount`; only the usual names of code mounts are repositories."""
    if len(segments) < 2 or segments[0] not in ("p", "projects", "u") or not usable(segments[:3]):
        return None
    if segments[0] == "projects" or len(segments) == 2 or segments[2] not in SOURCEFORGE_MOUNTS:
        return Read(_sourceforge_owner(segments))
    return sourceforge_code(segments)


def sourceforge_code(segments: list[str]) -> Read | None:
    """git.code.sf.net, hg.code.sf.net, svn.code.sf.net: `p/project/mount` or `u/user/mount`."""
    if len(segments) < 3 or segments[0] not in ("p", "u") or not usable(segments[:3]):
        return None
    mount = stem(segments[2])
    return Read(_sourceforge_owner(segments), mount.lower(), "/" + "/".join([*segments[:2], mount]))


def _sourceforge_owner(segments: list[str]) -> str:
    return ("u/" if segments[0] == "u" else "") + segments[1].lower()


def azure(segments: list[str]) -> Read | None:
    """dev.azure.com: `organisation/project/_git/repository`; without a project it has the repository's name."""
    rest = [one for one in segments if one.lower() != "defaultcollection"]
    if not rest or not usable(rest[:4]):
        return None
    organisation, *names = rest
    if names[:1] == ["_git"]:
        names = [*names[1:2], *names]
    if len(names) < 3 or names[1] != "_git":
        return Read(organisation.lower())
    return Read(organisation.lower(), f"{names[0]}/{names[2]}".lower(), f"/{organisation}/{names[0]}/_git/{names[2]}")


def azure_ssh(segments: list[str]) -> Read | None:
    """ssh.dev.azure.com: `v3/organisation/project/repository`."""
    if len(segments) < 4 or segments[0] != "v3":
        return None
    return azure([*segments[1:3], "_git", segments[3]])


def savannah(segments: list[str]) -> Read | None:
    """git.savannah.gnu.org: `git/package.git` or `cgit/package/part.git`; the package is the owner."""
    whole = _through_git(segments[1:])
    if not whole or not usable(whole):
        return None
    return Read(stem(whole[0]).lower(), stem(whole[-1]).lower(), "/git/" + "/".join(whole))


def no_repository(segments: list[str]) -> None:
    """Pages, raw files, gists, documentation and package indexes hold nothing that proves anything."""


STYLES: dict[str, Reader] = {"owner": owner, "nested": nested, "single": single}
