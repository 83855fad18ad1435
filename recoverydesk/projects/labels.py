"""Which link of a release may prove a security boundary? Only its label decides (PEP 753 and a few of ours)."""

import string
from collections.abc import Iterable, Mapping

from recoverydesk.projects.models import RepositoryLink

PEP_753_SOURCE = {"source", "repository", "sourcecode", "github"}
OUR_SOURCE = {"code", "git", "vcs", "scm", "repo"}
SOURCE = frozenset(PEP_753_SOURCE | OUR_SOURCE)
HOME = frozenset({"homepage", "home"})
LEGACY_HOME_LABEL = "Home-page"
ABSENT = {"", "UNKNOWN"}  # what old build tools wrote where the author gave nothing

_DROPPED = str.maketrans("", "", string.punctuation + string.whitespace)


def normalize(label: str) -> str:
    """Drop ASCII punctuation and whitespace and lower the case (PEP 753, "Label normalization")."""
    return label.translate(_DROPPED).lower()


def links(home_page: str, labelled: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return a release's links as (label, URL) pairs: the legacy home page first, without those that are no link."""
    pairs = [(LEGACY_HOME_LABEL, home_page), *labelled.items()]
    stripped = [(label.strip(), url.strip()) for label, url in pairs]
    return tuple((label, url) for label, url in stripped if label and url not in ABSENT)


def candidates(urls: Iterable[Iterable[str]]) -> list[tuple[RepositoryLink.Kind, str, str]]:
    """Return (kind, label, url) of the links of one release that may count, each URL once.

    Links with a source label are all of them, wherever they lead; only a release without any such label is judged by
    its home page. Trackers and everything else never count.
    """
    pairs = [(label, url) for label, url in urls if url not in ABSENT]
    source = {url: label for label, url in reversed(pairs) if normalize(label) in SOURCE}
    if source:
        return [(RepositoryLink.Kind.LABEL, label, url) for url, label in source.items()]
    home = {url: label for label, url in reversed(pairs) if normalize(label) in HOME}
    return [(RepositoryLink.Kind.HOME, label, url) for url, label in home.items()]
