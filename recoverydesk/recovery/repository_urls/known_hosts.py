"""The public code hosts we know, and those that never hold a repository which proves anything."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from recoverydesk.recovery.repository_urls import host_styles as styles
from recoverydesk.recovery.repository_urls.url_text import Address


@dataclass(frozen=True)
class Pace:
    """How much one host is asked at most: looks a day (UTC) and a second."""

    a_day: int = 2000
    a_second: float = 1.0


USUAL = Pace()


class Host(NamedTuple):
    """The name in our keys, the reader of its paths, and the host name that answers for its repositories."""

    name: str
    reader: styles.Reader
    asked_at: str


def _all(hosts: str, reader: styles.Reader) -> dict[str, Host]:
    return {host: Host(host, reader, host) for host in hosts.split()}


def _alias(hosts: str, canonical: str, reader: styles.Reader, asked_at: str) -> dict[str, Host]:
    return {host: Host(canonical, reader, asked_at) for host in hosts.split()}


KNOWN: dict[str, Host] = {
    **_all("github.com", styles.github),
    **_alias("ssh.github.com", "github.com", styles.github, "github.com"),
    **_all("codeberg.org gitee.com bitbucket.org", styles.owner),
    **_alias("altssh.bitbucket.org", "bitbucket.org", styles.owner, "bitbucket.org"),
    **_all("gitlab.com salsa.debian.org gitlab.gnome.org foss.heptapod.net invent.kde.org framagit.org", styles.nested),
    **_alias("altssh.gitlab.com", "gitlab.com", styles.nested, "gitlab.com"),
    **_all("git.sr.ht hg.sr.ht", styles.sourcehut),
    **_alias("launchpad.net bugs.launchpad.net answers.launchpad.net blueprints.launchpad.net"
             " translations.launchpad.net", "launchpad.net", styles.launchpad_page, "git.launchpad.net"),
    **_alias("git.launchpad.net code.launchpad.net", "launchpad.net", styles.launchpad_code, "git.launchpad.net"),
    **_alias("sourceforge.net sf.net", "sourceforge.net", styles.sourceforge_page, "git.code.sf.net"),
    **_alias("git.code.sf.net", "sourceforge.net", styles.sourceforge_code, "git.code.sf.net"),
    **_alias("hg.code.sf.net", "sourceforge.net", styles.sourceforge_code, "hg.code.sf.net"),
    **_alias("svn.code.sf.net", "sourceforge.net", styles.sourceforge_code, "svn.code.sf.net"),
    **_all("dev.azure.com", styles.azure),
    **_alias("ssh.dev.azure.com vs-ssh.visualstudio.com", "dev.azure.com", styles.azure_ssh, "dev.azure.com"),
    **_all("git.savannah.gnu.org git.savannah.nongnu.org", styles.savannah),
}  # fmt: skip
AZURE_OF_OLD = re.compile(r"[a-z0-9-]+\.visualstudio\.com")
MERCURIAL = styles.words("foss.heptapod.net hg.sr.ht hg.code.sf.net")  # asked for Mercurial before git
NEVER = styles.words(
    "github.com github.io githubusercontent.com githubassets.com gitlab.com gitlab.io bitbucket.org bitbucket.io"
    " codeberg.org codeberg.page gitee.com gitee.io sr.ht launchpad.net sourceforge.net sourceforge.io sf.net"
    " dev.azure.com visualstudio.com readthedocs.io readthedocs.org rtfd.io"
    " travis-ci.org travis-ci.com circleci.com appveyor.com codecov.io"
    " coveralls.io"
)


PACES = {  # tests/recovery/probing/test_pace.py has the load they let through
    "github.com": Pace(a_day=50_000, a_second=4.0),
    "gitlab.com": Pace(a_day=10_000, a_second=2.0),
    "bitbucket.org": Pace(a_day=10_000, a_second=2.0),
}  # of hosts that serve millions of clones a day; nobody counts git's questions there


def pace(host: str) -> Pace:
    """How much this host (by its key) is asked where staff have set nothing for it."""
    return PACES.get(host, USUAL)


def asked_at(name: str) -> frozenset[str]:
    """The keys of the hosts that answer for repositories our keys know by this name; the other way round `names_at`."""
    return frozenset({host.asked_at for host in KNOWN.values() if host.name == name}) or frozenset({name})


def names_at(asked_at: str) -> frozenset[str]:
    """The names our keys have for what is asked at this host: itself, or the hub it belongs to."""
    return frozenset({asked_at, *(host.name for host in KNOWN.values() if host.asked_at == asked_at)})


def is_known(address: Address) -> bool:
    """Whether this is a public code host of the table, at its usual port."""
    return address.port is None and (address.host in KNOWN or AZURE_OF_OLD.fullmatch(address.host) is not None)


def look_up(address: Address) -> tuple[Host, list[str]]:
    """The host as we name it, how it writes paths, and the path as that reader expects it."""
    host, segments = address.host, address.segments
    if address.port is None and host in KNOWN:
        return KNOWN[host], segments
    if address.port is None and AZURE_OF_OLD.fullmatch(host):
        return KNOWN["dev.azure.com"], [host.split(".")[0], *segments]
    if any(f".{host}".endswith(f".{never}") for never in NEVER):
        return Host(address.key, styles.no_repository, host), segments
    return Host(address.key, _reader_of_stranger(host), host), segments


def _reader_of_stranger(host: str) -> styles.Reader:
    """A look-alike of a code host (gıthub.com) is read as that host is, under its own name, and never equals it."""
    shown = _in_letters(host)
    if shown.isascii():
        return styles.unknown
    for known, entry in KNOWN.items():
        if len(shown) == len(known) and all(a == b or not a.isascii() for a, b in zip(shown, known, strict=True)):
            return entry.reader
    return styles.unknown


def _in_letters(host: str) -> str:
    try:
        return ".".join(label[4:].encode().decode("punycode") if label.startswith("xn--") else label
                        for label in host.split("."))  # fmt: skip
    except UnicodeError:
        return host
