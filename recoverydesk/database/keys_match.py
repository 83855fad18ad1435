"""Do FIELD_KEYS and AUDIT_KEY belong to this database? Asked at every start, before anything is written."""

import logging
from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, connections

from accounts import key_rotation
from audit.chain import sealing, signing
from recoverydesk.environment import WrongSetting

logger = logging.getLogger(__name__)


def problem() -> str:
    """One sentence that names the setting, or "" when the keys are right. Two queries; raises DatabaseError."""
    if lacking := key_rotation.lacking():
        return f"FIELD_KEYS: rows are sealed with key {lacking[0]}, which FIELD_KEYS lacks; add it behind the newest"
    head = sealing.last_seal()
    if head is not None and head.key_id not in signing.trusted():
        return (
            f"AUDIT_KEY: the audit log is sealed with key {head.key_id}, which is not AUDIT_KEY's; "
            "set that key, or add its public key to AUDIT_OLD_PUBLIC_KEYS"
        )
    return ""


def refuse_foreign_keys() -> None:
    """End a start with other keys than the database's. A database that does not answer yet is no reason to end."""
    try:
        if found := problem():
            raise WrongSetting(found)
        key_rotation.note_current()
    except DatabaseError:
        logger.warning("the keys were not compared with the database, which does not answer or is not set up yet")


def at_start() -> None:
    """The same for a process that may fork: no connection is left open."""
    try:
        refuse_foreign_keys()
    finally:
        connections.close_all()


def check_keys(*, databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """The same as a system check, for `manage.py check --database default` and `migrate`."""
    try:
        found = problem() if databases else ""
    except DatabaseError:
        return []
    return [Error(found, id="recoverydesk.E002")] if found else []
