"""The branch token: `000-recovery-` and 26 characters only the contact is ever told (design rules 3 and 4).

It is derived from the ticket and its nonce with a key outside the database, so no table holds it. The prefix sorts
before usual branch names, which keeps old hosts' listings short; 26 characters of base32 are 130 bits.
"""

import base64
import hmac
import re

from common import keys

PREFIX = "000-recovery-"
LENGTH = 26
TOLD = 5  # characters of the secret part that a host is told
HEADS = "refs/heads/"
PURPOSE = "branch-token"
TOKEN = re.compile(rf"{PREFIX}[a-z2-7]{{{LENGTH}}}")
MAX_NAME = 200
# git check-ref-format: what no branch name may hold; lone surrogates are no text at all
FORBIDDEN = re.compile(r"[\x00-\x20\x7f\ud800-\udfff~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


class BadBranchName(ValueError):
    """git itself refuses such a branch name."""


def derive(ticket_id: int, nonce: str, key_id: str) -> str:
    """Return the ticket's branch token, the same each time; raises common.keys.UnknownKey."""
    digest = hmac.digest(keys.derive(PURPOSE, key_id), f"{ticket_id}:{nonce}".encode(), "sha256")
    return PREFIX + base64.b32encode(digest).decode().lower()[:LENGTH]


def refname(name: str) -> str:
    """Return the whole refname of a branch; raises BadBranchName for what git would refuse."""
    if (
        not name
        or len(name) > MAX_NAME
        or FORBIDDEN.search(name)
        or name[0] in "-./"
        or name[-1] in "./"
        or name == "@"
    ):
        raise BadBranchName("not a branch name git accepts")
    return HEADS + name


def asked_prefix(name: str) -> str:
    """Return what a host is asked for: of a branch token only its first 5 secret characters, any other name whole.

    So a host that repeats what it was asked learns nothing and proves nothing. Raises BadBranchName.
    """
    whole = refname(name)
    return whole[: len(HEADS + PREFIX) + TOLD] if TOKEN.fullmatch(name) else whole


def same(first: str, second: str) -> bool:
    """Compare two branch names in constant time."""
    return same_bytes(first.encode("utf-8", "surrogateescape"), second.encode("utf-8", "surrogateescape"))


def same_bytes(first: bytes, second: bytes) -> bool:
    """Compare two refnames as a host wrote them, in constant time."""
    return hmac.compare_digest(first, second)
