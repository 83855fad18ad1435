"""The log's part of every sweep."""

from audit import checkpoints, erasure, sealing


def seal() -> int:
    """Seal what is committed and let the newest hash leave the database; returns how many events were sealed."""
    done = sealing.seal()
    checkpoints.write()
    return done


def erase() -> int:
    """Erase the details that are past their time."""
    return erasure.erase_old()
