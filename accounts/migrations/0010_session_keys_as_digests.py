"""Sessions go on under the digest of their key, with their contents encrypted. Going back ends every session."""

import hashlib
from typing import Any

from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.db import migrations, transaction
from django.db.models.functions import Length
from django.utils import timezone

from common import keys

BATCH = 500
SALT = "django.contrib.sessions.SessionStore"  # with which Django signs what a session knows
DIGEST = 64  # characters; the keys of before have 32


def forwards(apps: Any, schema_editor: Any) -> None:
    """In batches that each commit: what was done stays done, and running it again goes on."""
    sessions = apps.get_model("accounts", "Session").objects
    sessions.filter(expire_date__lt=timezone.now()).delete()
    clear = sessions.alias(length=Length("session_key")).filter(length__lt=DIGEST).order_by("session_key")
    while rows := list(clear[:BATCH]):
        with transaction.atomic():
            sessions.filter(session_key__in=[row.session_key for row in rows]).delete()
            sessions.bulk_create([row for row in rows if _seal(row)])


def _seal(row: Any) -> bool:
    """Change the row; False for one that cannot be read: nobody is signed in by it."""
    try:
        known = signing.loads(row.session_data, salt=SALT, serializer=JSONSerializer)
    except signing.BadSignature:
        return False
    row.session_data = keys.encrypt("session", JSONSerializer().dumps(known)).decode()
    row.session_key = hashlib.sha256(row.session_key.encode()).hexdigest()
    return True


def backwards(apps: Any, schema_editor: Any) -> None:
    """No key can be made from a digest: everybody signs in again."""
    apps.get_model("accounts", "Session").objects.all().delete()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0009_room_for_digests_of_session_keys")]
    operations = [migrations.RunPython(forwards, backwards)]
