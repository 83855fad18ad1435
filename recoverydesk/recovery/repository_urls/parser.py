"""URL -> (host, namespace, repository): the only parser of repository URLs.

The rules are a table of measured cases (`tests/data/repo-urls.tsv`): refuse what two readers could read differently,
then let the host's own way of writing paths decide. A repository is always asked over https, whatever the URL says,
unless a stored code host says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from recoverydesk.recovery.repository_urls import host_styles as styles
from recoverydesk.recovery.repository_urls import known_hosts, url_text
from recoverydesk.recovery.repository_urls.url_text import Address, UrlRefused


@dataclass(frozen=True)
class HostRule:
    """What staff know about one self-hosted code host (a `CodeHost` row, without the database)."""

    style: str = "owner"
    scheme: str = "https"
    port: int = 443
    private: bool = False
    plain_http: bool = False
    paused: bool = False


@dataclass(frozen=True)
class Place:
    """What a URL names; empty strings where it names none. (host, namespace) is the security boundary."""

    url: str
    host: str = ""
    namespace: str = ""
    repository: str = ""

    @property
    def names_repository(self) -> bool:
        """Only a place with a repository makes a boundary."""
        return bool(self.repository)


Hosts = Mapping[str, HostRule]
NO_HOSTS: Hosts = MappingProxyType({})


class _Seen(NamedTuple):
    place: Place
    ask: str
    reader: styles.Reader


def parse(url: str, hosts: Hosts = NO_HOSTS) -> Place:
    """Say what any text names. Never raises: a refused URL names nothing. `hosts` are stored code hosts by key."""
    try:
        return _see(url, hosts).place
    except UrlRefused:
        return Place(url)


def refusal(url: str, hosts: Hosts = NO_HOSTS) -> str:
    """Why we do not touch this URL at all; empty when we may (which does not say that it names a repository)."""
    try:
        _see(url, hosts)
    except UrlRefused as error:
        return str(error)
    return ""


class Why(StrEnum):
    """Why a URL names no repository."""

    REFUSED = "refused"
    STRANGER = "stranger"
    PAGE = "page"
    NO_CODE = "no-code"


def why_none(url: str, hosts: Hosts = NO_HOSTS) -> Why | None:
    """Why it names no repository: not to be touched, a host nobody knows, a page of a code host, or a host of pages
    only; None where it names one.
    """
    try:
        place, ask, reader = _see(url, hosts)
    except UrlRefused:
        return Why.REFUSED
    if place.names_repository:
        return None
    if reader is styles.no_repository:
        return Why.NO_CODE
    return Why.STRANGER if ask or reader is styles.unknown else Why.PAGE


def as_repository(url: str, hosts: Hosts = NO_HOSTS) -> Place:
    """The same for a URL of which a person says that it leads to a repository.

    On a host nobody knows that makes `.git` superfluous; where it leads to none by the host's own rules, nothing helps.
    """
    place = parse(url, hosts)
    if place.names_repository or not probe_url(place, hosts):
        return place
    return parse(f"{probe_url(place, hosts)}.git", hosts)


def probe_url(place: Place, hosts: Hosts = NO_HOSTS) -> str:
    """The URL at which the repository is asked, without a final slash; empty when it must not be asked."""
    try:
        return _see(place.url, hosts).ask
    except UrlRefused:
        return ""


def _see(url: str, hosts: Hosts) -> _Seen:
    address = url_text.split_url(_with_scheme(url))
    if address.doubt and not known_hosts.is_known(_public(address)):
        raise UrlRefused(address.doubt)
    described = address if address.key in hosts else _public(address)
    rule = hosts.get(described.key)
    if rule is None or described.key in known_hosts.KNOWN:
        host, segments = known_hosts.look_up(_public(address))
        return _answer(url, host, segments, HostRule(port=address.port or 443))
    host = known_hosts.Host(described.key, styles.STYLES[rule.style], described.host)
    return _answer(url, host, described.segments, rule)


def _with_scheme(url: str) -> str:
    """Old metadata writes github.com/owner/name; nobody reads that differently where we know the host."""
    host, slash, _path = url.partition("/")
    return f"https://{url}" if slash and host.lower().removeprefix("www.") in known_hosts.KNOWN else url


def _answer(url: str, host: known_hosts.Host, segments: list[str], rule: HostRule) -> _Seen:
    read = host.reader(segments)
    if read is None:
        return _Seen(Place(url), _any_path(host, segments), host.reader)
    place = Place(url, host.name, read.namespace, read.repository)
    return _Seen(place, f"{_origin(host.asked_at, rule)}{read.path}" if read.repository else "", host.reader)


def _any_path(host: known_hosts.Host, segments: list[str]) -> str:
    """A stranger may serve a repository under any path: staff may ask there, but it makes no boundary."""
    askable = host.reader is styles.unknown and ":" not in host.name and segments and styles.usable(segments)
    return f"https://{host.name}/{'/'.join(segments)}" if askable else ""


def _origin(host: str, rule: HostRule) -> str:
    return f"{rule.scheme}://{host}" + ("" if rule.port == url_text.SCHEMES[rule.scheme][0] else f":{rule.port}")


def _public(address: Address) -> Address:
    """The general refusals: they hold for every host that staff have not described."""
    host = address.host.removeprefix("www.")
    if url_text.is_bare(host):
        raise UrlRefused("an IP address or a name without a dot; a private code host needs `codehost add`")
    return address._replace(host=host)
