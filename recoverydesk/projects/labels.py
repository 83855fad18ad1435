"""Which link of a release may prove a security boundary? Only its label decides (PEP 753 and a few of ours)."""

import re
import string
from collections.abc import Callable, Iterable, Mapping

from recoverydesk.projects.models import RepositoryLink

Names = Callable[[str], bool]  # whether a URL names a repository
PEP_753_SOURCE = {"source", "repository", "sourcecode", "github"}
OUR_SOURCE = {"code", "git", "vcs", "scm", "repo"}
SOURCE = frozenset(PEP_753_SOURCE | OUR_SOURCE)
HOME = frozenset({"homepage", "home"})
DOWNLOAD = frozenset({"downloadurl", "download", "downloads"})
CODE_HOSTS = {
    "github", "gitlab", "codeberg", "bitbucket", "sourcehut", "gitea", "forgejo", "launchpad", "sourceforge",
    "heptapod", "gitee", "savannah",
}  # fmt: skip
SAYING_SOURCE = frozenset({
    *SOURCE, *CODE_HOSTS, "sources", "repos", "repositories", "mercurial", "hg",
})  # fmt: skip
BETWEEN = frozenset({
    "a", "the", "our", "on", "at", "in", "of", "for", "project", "main", "official", "public", "url", "urls", "link",
    "page", "browse", "browser", "view", "clone",
})  # fmt: skip
LEGACY_HOME_LABEL = "Home-page"
LEGACY_DOWNLOAD_LABEL = "Download-URL"
ABSENT = {"", "UNKNOWN"}  # what old build tools wrote where the author gave nothing

_DROPPED = str.maketrans("", "", string.punctuation + string.whitespace)


def normalize(label: str) -> str:
    """Drop ASCII punctuation and whitespace and lower the case (PEP 753, "Label normalization")."""
    return label.translate(_DROPPED).lower()


def links(home_page: str, labelled: Mapping[str, str], download: str = "") -> tuple[tuple[str, str], ...]:
    """Return a release's links as (label, URL) pairs: the two legacy fields around the others, without what is none."""
    pairs = [(LEGACY_HOME_LABEL, home_page), *labelled.items()]
    if download.strip() not in {url.strip() for url in labelled.values()}:
        pairs.append((LEGACY_DOWNLOAD_LABEL, download))
    stripped = [(label.strip(), url.strip()) for label, url in pairs]
    return tuple((label, url) for label, url in stripped if label and url not in ABSENT)


def kind_of(label: str) -> RepositoryLink.Kind | None:
    """What a link of this label counts as; None where it never counts."""
    normal = normalize(label)
    if normal in SOURCE or _all_words_say_source(label):
        return RepositoryLink.Kind.LABEL
    if normal in HOME:
        return RepositoryLink.Kind.HOME
    return RepositoryLink.Kind.FILE if normal in DOWNLOAD else None


def candidates(urls: Iterable[Iterable[str]], names: Names) -> list[tuple[RepositoryLink.Kind, str, str]]:
    """Return (kind, label, url) of the links of one release that may count, each URL once.

    Links with a source label come first; a release none of them leads to a repository (`names`) is judged by its home
    page as well, and then by where it is downloaded. Trackers and everything else never count.
    """
    kinds: dict[RepositoryLink.Kind, dict[str, str]] = {kind: {} for kind in RepositoryLink.Kind}
    for label, url in urls:
        kind = kind_of(label)
        if kind is not None and url not in ABSENT:
            kinds[kind].setdefault(url, label)
    found: dict[str, tuple[RepositoryLink.Kind, str, str]] = {}
    for kind, of_kind in kinds.items():
        for url, label in of_kind.items():
            found.setdefault(url, (kind, label, url))
        if any(map(names, of_kind)):
            break
    return list(found.values())


def _all_words_say_source(label: str) -> bool:
    """GitHub Repository, Source Code (GitHub), Sources on Codeberg: nothing else stands in it."""
    said = re.findall(r"[^\W_]+", label.lower())
    return any(word in SAYING_SOURCE for word in said) and all(word in SAYING_SOURCE | BETWEEN for word in said)
