"""A program of its own: posts its standard input to the address in the first line of it. Ends with 0 when taken.

Whoever starts it ends it after a while (audit/chain/sink.py), so a host that answers drop by drop holds up nobody.
"""

import ssl
import sys

import certifi
import urllib3

SECONDS = 8.0  # for connecting, and for each wait on the answer


def main() -> int:
    """Post one line of JSON; no redirect is followed, no proxy asked, no body of the answer read."""
    address = sys.stdin.buffer.readline().decode().strip()
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    pool = urllib3.PoolManager(ssl_context=context)
    answer = pool.request(
        "POST", address, body=sys.stdin.buffer.read(),
        headers={"Content-Type": "application/json", "User-Agent": "RecoveryDesk"},
        redirect=False, retries=False, timeout=SECONDS, preload_content=False,
    )  # fmt: skip
    if not 200 <= answer.status < 300:
        sys.exit(f"answered {answer.status}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (urllib3.exceptions.HTTPError, OSError) as error:
        sys.exit(type(error).__name__)  # not its words: they hold the address, and that may hold a secret
