"""Looking for names in a listing that goes by once and may be endless: constant memory, an early end where it is safe.

git's own listings are sorted, and the branch token's prefix sorts before usual names: once the listing is past the last
name wanted, the rest need not be read. That is believed only of a long listing that was in order all the way.
"""

from collections.abc import Iterable

from recoverydesk.recovery import branch_token
from recoverydesk.recovery.probing.git import BadPackets

SURE_AFTER = 500  # names in order before we believe that a listing is sorted


def search(
    listing: Iterable[tuple[bytes, bytes]], wanted: Iterable[bytes], *, may_stop: bool = False
) -> dict[bytes, str]:
    """Return {name: object id} of those wanted; raises BadPackets.

    The listing is read to its end unless all are found before, or `may_stop` says that its kind comes sorted.
    """
    names = frozenset(wanted)
    common, last = _common_prefix(names), max(names)
    found: dict[bytes, str] = {}
    before, count, in_order = b"", 0, True
    for name, object_id in listing:
        if name.startswith(common):
            _note(found, names, name, object_id)
            if len(found) == len(names):
                break
        in_order = in_order and before < name
        before, count = name, count + 1
        if may_stop and in_order and count >= SURE_AFTER and name > last:
            break
    return found


def _note(found: dict[bytes, str], names: frozenset[bytes], name: bytes, object_id: bytes) -> None:
    wanted = next((one for one in names if branch_token.same_bytes(one, name)), None)
    if wanted is None:
        return
    if wanted in found:
        raise BadPackets("one ref listed twice")
    found[wanted] = object_id.decode()


def _common_prefix(names: frozenset[bytes]) -> bytes:
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]
