"""Names to addresses, once, and which addresses may be dialled at all."""

import ipaddress
import queue
import socket
import threading
from typing import NamedTuple, cast

from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
SockAddr = tuple[str, int] | tuple[str, int, int, int]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291: mapped, compatible, SIIT and site-local are outside it
REFUSED = (*EXTRA_BLOCKED_NET_RANGES, ipaddress.ip_network("2001::/23"))
PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)


class NoAddress(Exception):
    """The name does not resolve, or not in time."""


class Target(NamedTuple):
    """One resolved address, in the form `socket.connect` takes."""

    family: int
    sockaddr: SockAddr

    @property
    def address(self) -> Address:
        return ipaddress.ip_address(self.sockaddr[0].partition("%")[0])


def resolve(host: str, port: int, seconds: float) -> list[Target]:
    """Ask the system's resolver once, for at most `seconds`; raises NoAddress.

    `getaddrinfo` knows no time-out, so it runs in a thread of its own that is left behind when it hangs.
    """
    answer: queue.SimpleQueue[list[Target] | Exception] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_look_up(host, port)), daemon=True).start()
    try:
        found = answer.get(timeout=max(seconds, 0))
    except queue.Empty as error:
        raise NoAddress("its name did not resolve in time") from error
    if isinstance(found, Exception) or not found:
        raise NoAddress("its name does not resolve")
    return found


def _look_up(host: str, port: int) -> list[Target] | Exception:
    try:
        rows = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error
    internet = (socket.AF_INET, socket.AF_INET6)
    return list(dict.fromkeys(Target(row[0], cast(SockAddr, row[4])) for row in rows if row[0] in internet))


def may_dial(address: Address, *, private: bool = False) -> bool:
    """Whether this address may be connected to: public ones, and private ones where staff have said so.

    Link-local (where clouds keep their secrets), multicast, unspecified, reserved and every form that wraps an
    IPv4 address in an IPv6 one stay refused in any case.
    """
    if any(address in network for network in PRIVATE):
        return private
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    special = address.is_multicast or address.is_reserved or not address.is_global
    return not special and not any(address in network for network in REFUSED)
