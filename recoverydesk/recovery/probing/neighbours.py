"""Hosts that share an owner or a network are asked as patiently as one: two looks at a time, five, then one a second.

Whoever owns a domain can name any number of hosts below it and point them at anybody's machines, so that the patience
of each host alone would add up to a flood (docs/adr/0075). No database.
"""

import functools
import ipaddress
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from publicsuffixlist import PublicSuffixList

from common.transport.addresses import Address
from recoverydesk.recovery.probing.patience import AT_ONCE, BURST, Bucket
from recoverydesk.recovery.repository_urls import known_hosts
from recoverydesk.recovery.repository_urls.known_hosts import USUAL

PREFIXES = {4: 24, 6: 48}  # bits of an address that one customer of a network is likely to have
MOST_NETWORKS = 4096  # remembered in this process


class Gate:
    """Lets looks through: two at a time, and as fast as the bucket fills."""

    def __init__(
        self, tokens: float = BURST, clock: Callable[[], float] = time.monotonic, a_second: float = USUAL.a_second
    ) -> None:
        self.bucket = Bucket(tokens, clock(), a_second)
        self.inside = 0
        self._clock = clock
        self._turn = threading.Condition()

    def enter(self, until: float) -> bool:
        """Wait for one's turn; False when it does not come before the clock reads `until`."""
        with self._turn:
            while True:
                now = self._clock()
                wait = self.bucket.wait(now) if self.inside < AT_ONCE else until - now
                if wait <= 0 and self.inside < AT_ONCE:
                    self.bucket.tokens -= 1
                    self.inside += 1
                    return True
                if now >= until or now + wait > until:
                    return False
                self._turn.wait(wait)

    def leave(self) -> None:
        """The look is over."""
        with self._turn:
            self.inside -= 1
            self._turn.notify_all()

    def is_idle(self) -> bool:
        """Whether a new gate would do as well as this one."""
        with self._turn:
            return not self.inside and self.bucket.wait(self._clock()) <= 0 and self.bucket.tokens >= BURST


_networks: dict[str, Gate] = {}
_lock = threading.Lock()


def enter(doors: ExitStack, gates: Iterable[Gate], until: float) -> bool:
    """Go through all gates, which `doors` closes behind the look; False when one does not open before `until`."""
    for gate in gates:
        if not gate.enter(until):
            return False
        doors.callback(gate.leave)
    return True


def gates_of(addresses: Iterable[Address]) -> list[Gate]:
    """The gates of these addresses' networks, in the one order in which everybody enters them."""
    with _lock:
        if len(_networks) > MOST_NETWORKS:
            for network in [network for network, gate in _networks.items() if gate.is_idle()]:
                del _networks[network]
        return [_networks.setdefault(network, Gate()) for network in sorted({network_of(one) for one in addresses})]


def network_of(address: Address) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one."""
    return str(ipaddress.ip_network(f"{address}/{PREFIXES[address.version]}", strict=False))


def domain_of(host: str) -> str:
    """What somebody registered of this host's name, as `*.example.co.uk`; empty for addresses and bare names."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        registered = _suffixes().privatesuffix(name)
        return f"*.{registered}" if registered else ""
    return ""


@functools.cache
def _suffixes() -> PublicSuffixList:
    """The registries' suffixes only: what lets strangers make names below itself (duckdns.org) counts as one owner."""
    return PublicSuffixList(only_icann=True)


@functools.cache
def _public() -> frozenset[str]:
    return frozenset(host.asked_at for host in known_hosts.KNOWN.values())


def is_public(host: str) -> bool:
    """Whether this is one of the public code hosts, which have an owner's word for their pace and not a stranger's."""
    return host in _public()
