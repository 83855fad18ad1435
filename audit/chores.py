"""The log's part of every sweep."""

import logging

from audit import erasure
from audit.chain import checkpoints, sealing, sink

logger = logging.getLogger(__name__)


def seal() -> int:
    """Seal what is committed and let the newest hash leave the database; returns how many events were sealed.

    Nothing is sealed while the checkpoints know seals that the database lacks: a restore is recorded first, so that
    no number is used twice.
    """
    if line := checkpoints.beyond_the_database():
        logger.error("the database lacks seal %s, which has left it: run `manage.py restored`", line.seal)
        return 0
    done = sealing.seal()
    checkpoints.write()
    return done


def erase() -> int:
    """Erase the details that are past their time."""
    return erasure.erase_old()


def deliver() -> int:
    """Hand the newest checkpoint to AUDIT_SINK; returns 1 when it took it. No part of a sweep: may take ten seconds."""
    return sink.deliver()
