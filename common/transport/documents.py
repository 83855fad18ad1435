"""Small JSON documents of sites whose address the operator gave: keys of issuers, keys of who reports leaks."""

import json
from typing import Any
from urllib.parse import urlsplit

from common.transport.client import Client, Limits, Reply, WebOrigin

LIMITS = Limits(resolve=2, step=3, total=5, body=64 * 1024, user_agent="RecoveryDesk")


def json_object(url: str, *, private: bool = False, limits: Limits = LIMITS) -> dict[str, Any]:
    """Ask for a JSON object over https; `private` allows addresses inside the network and other ports.

    Raises TransportError; ValueError for anything else than an object, whole, with status 200.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("not an https address")
    port = parts.port or 443
    origin = WebOrigin("https", parts.hostname, port, allows=("https", port if private else 443), private=private)
    headers = {"Host": parts.netloc, "Accept": "application/json", "User-Agent": limits.user_agent}
    with Client(origin, limits) as client:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _object(client.request("GET", target, headers | {"Accept-Encoding": "identity"}))


def _object(reply: Reply) -> dict[str, Any]:
    if reply.status != 200 or not reply.complete:
        raise ValueError("no whole answer")
    try:
        found = json.loads(reply.body)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
