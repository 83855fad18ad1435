"""Sessions in our own table, so that they can be counted, shown and ended per account.

A row opens nothing and tells nothing: it is found by a digest of the key that the cookie alone holds, and what the
session knows is encrypted (ADR 0101).
"""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import transaction
from django.utils import timezone

from accounts.sealed import SESSION
from common import keys

SIGN_IN = "sign_in"  # in the session: its public id, when and from where it was signed in


def digest(key: str) -> str:
    """What stands in the row for a key: its SHA-256 in hex. A key has 165 random bits, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Django's database store; whose session it is, since when and from where stand in columns of their own."""

    last_seen: datetime | None = None  # as last read or written; None before there is a row

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        from accounts.models import Session

        return Session

    def encode(self, session_dict: dict[str, Any]) -> str:
        return keys.encrypt(SESSION, self.serializer().dumps(session_dict)).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """What the session knows; nothing when none of our keys wrote it, as for a session that is over."""
        raw = session_data.encode() if isinstance(session_data, str) else session_data
        try:
            return self.serializer().loads(keys.decrypt(SESSION, raw))  # type: ignore[no-any-return]
        except keys.BadCiphertext:
            return {}

    def _get_session_from_db(self) -> Any:
        rows: Any = self.model.objects
        row = rows.filter(session_key=digest(self.session_key or ""), expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        else:
            self.last_seen = row.last_seen
        return row

    def exists(self, session_key: str) -> bool:
        return super().exists(digest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row of this key, by default of this session."""
        key = self.session_key if session_key is None else session_key
        if key is not None:
            super().delete(digest(key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row: Any = super().create_model_instance(data)
        row.session_key = digest(row.session_key)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        if sign_in := data.get(SIGN_IN):
            row.uid, row.signed_in_at = UUID(sign_in["uid"]), datetime.fromisoformat(sign_in["at"])
            row.network, row.device = sign_in["network"], sign_in["device"]
            row.last_seen = self.last_seen = self.last_seen or timezone.now()
        return row  # type: ignore[no-any-return]

    def take(self, name: str) -> Any:
        """Remove an entry and return it, for exactly one of many requests of this session; None for the others."""
        with transaction.atomic():
            rows: Any = self.model.objects.select_for_update()
            row = rows.filter(session_key=digest(self.session_key or ""), expire_date__gt=timezone.now()).first()
            data = self.decode(row.session_data) if row is not None else {}
            value = data.pop(name, None)
            if value is not None:
                row.session_data = self.encode(data)
                row.save(update_fields=["session_data"])
        self.pop(name, None)
        return value

    # Django's asynchronous twins would write and look for the key itself.

    async def _aget_session_from_db(self) -> Any:
        return await sync_to_async(self._get_session_from_db)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return await sync_to_async(self.create_model_instance)(data)
