"""IP addresses: in words, and as what one visitor can have."""

import ipaddress

from django.utils.translation import gettext as _

IPV6_PREFIX = 64  # bits: what one household or server is given


def network_of(address: str) -> str:
    """What attempts are counted by: an IPv4 address, the /64 an IPv6 address lies in; other text as it is."""
    try:
        network = ipaddress.ip_address(address)
    except ValueError:
        return address
    if network.version == 4:
        return address
    return str(ipaddress.ip_network((int(network), IPV6_PREFIX), strict=False))


def describe(address: str, here: str = "") -> str:
    """Return for example "203.0.113.7, the network you use now"; `here` is the reader's own address."""
    if not address:
        return ""
    kind = _kind(address)
    if address == here:
        kind = _("the network you use now")
    return f"{address}, {kind}" if kind else address


def _kind(address: str) -> str:
    try:
        network = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if network.is_loopback:
        return _("this computer")
    return _("a private network") if network.is_private else ""
