"""An IP address in words."""

import ipaddress

from django.utils.translation import gettext as _


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
