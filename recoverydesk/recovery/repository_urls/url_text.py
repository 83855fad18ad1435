"""A URL's text taken apart, refusing whatever two readers could read differently.

Nothing here knows code hosts. Accepted: http, https, git, ssh, `git+…`, scp-like `git@host:owner/name` and `lp:`.
"""

import ipaddress
import re
from typing import NamedTuple

import idna

MAX_URL = 2000
SCHEMES = {"http": (80,), "https": (443,), "git": (9418,), "ssh": (22, 443)}
URL = re.compile(r"(?:git\+)?(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)", re.IGNORECASE)
SCP_LIKE = re.compile(r"(?P<user>[A-Za-z0-9_-]+)@(?P<host>[A-Za-z0-9.-]+):/?(?P<path>[^/:?#][^:?#]*)")
SSH_WITH_COLON = re.compile(  # how npm writes it: a colon, and no port after it
    r"(?:git\+)?ssh://(?:(?P<user>[A-Za-z0-9_-]+)@)?(?P<host>[A-Za-z0-9.-]+):/?(?P<path>(?![0-9]+(?:/|$))[^/@:?#][^@:?#]*)(?=[@?#]|$)",
    re.IGNORECASE,
)
MISREAD = "a URL made to be misread"
EMPTY_PARTS = "empty or dotted parts in the path"
UNSAFE_TEXT = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
UNSAFE_ESCAPE = re.compile(r"%(?:2e|2f|5c|00|0a|0d|40)", re.IGNORECASE)
HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class UrlRefused(ValueError):
    """The URL is one we do not touch; the message says why in plain words."""


class Address(NamedTuple):
    scheme: str
    host: str
    port: int | None
    segments: list[str]
    doubt: str = ""  # why it is read only where the host is one we know: two readers could read it differently

    @property
    def key(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def host_key(origin: str) -> tuple[str, str, int]:
    """The (key, scheme, port) of `scheme://host[:port]`; raises UrlRefused for anything longer or stranger."""
    found = re.fullmatch(r"(https?)://([^/?#@]+)/?", origin)
    if not found or UNSAFE_TEXT.search(origin):
        raise UrlRefused("not an origin: write https://host or https://host:port")
    scheme = found[1]
    host, port = _host_and_port(scheme, found[2])
    return Address(scheme, host, port, []).key, scheme, port or SCHEMES[scheme][0]


def host_of(key: str) -> str:
    """The host of a key, without its port."""
    return re.sub(r":[0-9]+$", "", key)


def is_bare(host: str) -> bool:
    """Whether a host (no port) is an IP address or a name without a dot: only a private code host may be one."""
    return host.startswith("[") or "." not in host or bool(NUMBER.fullmatch(host.rpartition(".")[2]))


def split_url(url: str) -> Address:
    """Take the text apart, refusing whatever two readers could read differently."""
    if len(url) > MAX_URL or UNSAFE_TEXT.search(url):
        raise UrlRefused("spaces, control characters or a backslash in the URL, or too long")
    scheme, authority, path = _parts(url)
    if scheme not in SCHEMES:
        raise UrlRefused("a scheme we do not ask over")
    userinfo, _, name = authority.rpartition("@")
    if set(userinfo) & set("@%") or UNSAFE_ESCAPE.search(path):
        raise UrlRefused(MISREAD)
    doubt = MISREAD if "." in userinfo else EMPTY_PARTS if path.strip("/") != _once_stripped(path) else ""
    return Address(scheme, *_host_and_port(scheme, name), _segments(path), doubt)


def _parts(url: str) -> tuple[str, str, str]:
    if url.startswith("lp:"):
        return "https", "git.launchpad.net", "/" + url[3:].lstrip("/")
    if scp := SCP_LIKE.fullmatch(url) or SSH_WITH_COLON.match(url):
        return "ssh", (scp["user"] or "") + "@" + scp["host"], "/" + scp["path"]
    if not (found := URL.match(url)):
        raise UrlRefused("not a URL")
    path = found["path"].partition("@")[0] if url[:4].lower() == "git+" else found["path"]
    return found["scheme"].lower(), found["authority"], path


def _once_stripped(path: str) -> str:
    return path.removeprefix("/").removesuffix("/")


def _segments(path: str) -> list[str]:
    segments = path.strip("/").split("/")
    if segments == [""]:
        return []
    if any(segment in ("", ".", "..") for segment in segments):
        raise UrlRefused(EMPTY_PARTS)
    return segments


def _host_and_port(scheme: str, name: str) -> tuple[str, int | None]:
    """The host in lower case and its port; None stands for a port its scheme implies."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", name)
    if not found:
        raise UrlRefused("no host, or a strange port")
    port = int(found[2]) if found[2] else None
    if port is not None and not 0 < port < 65536:
        raise UrlRefused("a strange port")
    return _host(found[1]), None if port in SCHEMES[scheme] else port


def _host(name: str) -> str:
    if name.startswith("["):
        return _ipv6(name[1:-1])
    try:
        host = name.lower() if name.isascii() else idna.encode(name.rstrip(".")).decode().lower()
    except idna.IDNAError as error:
        raise UrlRefused("not a host name") from error
    if not HOST_NAME.fullmatch(host := host.removesuffix(".")) or len(host) > 253:
        raise UrlRefused("not a host name")
    return host


def _ipv6(text: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(text)}]"
    except ValueError as error:
        raise UrlRefused("not a host name") from error
