"""Sessions in our own table, so that they can be counted, shown and ended per account."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

SIGN_IN = "sign_in"  # in the session: its public id, when and from where it was signed in


class SessionStore(DatabaseStore):
    """Django's database store; whose session it is, since when and from where stand in columns of their own."""

    last_seen: datetime | None = None  # as last read or written; None before there is a row

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        from accounts.models import Session

        return Session

    def _get_session_from_db(self) -> Any:
        row = super()._get_session_from_db()  # type: ignore[misc]
        if row is not None:
            self.last_seen = row.last_seen
        return row

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row: Any = super().create_model_instance(data)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        if sign_in := data.get(SIGN_IN):
            row.uid, row.signed_in_at = UUID(sign_in["uid"]), datetime.fromisoformat(sign_in["at"])
            row.network, row.device = sign_in["network"], sign_in["device"]
            row.last_seen = self.last_seen = self.last_seen or timezone.now()
        return row  # type: ignore[no-any-return]
