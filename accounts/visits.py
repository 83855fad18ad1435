"""How long a signed-in session lasts, and what it is known by. The app's clock, as for every session."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import notices
from accounts.models import Session, User
from accounts.sessions import SIGN_IN, digest
from audit.log import RequestOrigin, origin_of
from audit.tags import Tag

SEEN_EVERY = timedelta(minutes=1)  # a visit is written down at most this often
CLOCKS_DIFFER = timedelta(minutes=5)  # how far the clocks of several machines may be apart


def begin(request: HttpRequest) -> None:
    """Note in a fresh session when and from where it was signed in."""
    origin = origin_of(request)
    request.session[SIGN_IN] = {
        "uid": str(uuid.uuid4()),
        "at": timezone.now().isoformat(),
        "network": origin.network,
        "device": origin.device,
    }


def current(request: HttpRequest) -> str:
    """The public id of this session; empty for one from before there were any."""
    return str(request.session.get(SIGN_IN, {}).get("uid", ""))


def since(request: HttpRequest) -> datetime | None:
    """When this session was signed in; None where nobody is, or the session is from before that was noted."""
    noted = request.session.get(SIGN_IN)
    return datetime.fromisoformat(noted["at"]) if noted else None


def over(request: HttpRequest, user: User) -> bool:
    """Whether the session's time is up: SESSION_LIFETIME, for staff STAFF_SESSION_LIFETIME and STAFF_IDLE too.

    A sign-in or visit of the future was dated by a clock that was put right since: whoever it was signs in again.
    """
    sign_in = request.session.get(SIGN_IN)
    if not sign_in:
        return False
    age = timezone.now() - datetime.fromisoformat(sign_in["at"])
    if age < -CLOCKS_DIFFER or age >= (settings.STAFF_SESSION_LIFETIME if user.is_staff else settings.SESSION_LIFETIME):
        return True
    seen = request.session.last_seen  # type: ignore[attr-defined]
    return user.is_staff and seen is not None and abs(timezone.now() - seen) >= settings.STAFF_IDLE


def touch(request: HttpRequest) -> None:
    """Write down that the session was used, from where it is used now; one UPDATE a minute at most."""
    session, now = request.session, timezone.now()
    seen = session.last_seen  # type: ignore[attr-defined]
    if SIGN_IN not in session or (seen and abs(now - seen) < SEEN_EVERY):
        return
    origin = origin_of(request)
    Session.objects.filter(session_key=digest(session.session_key or "")).update(
        last_seen=now, network=origin.network, device=origin.device
    )
    session.last_seen = now  # type: ignore[attr-defined]


def visits_of_user(user: User) -> QuerySet[Session]:
    """The sessions an account is signed in with now, the latest used first."""
    return Session.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-last_seen", "session_key")


@transaction.atomic
def end(user: User, uid: uuid.UUID, *, actor: User, origin: RequestOrigin | None = None) -> bool:
    """End one session of the account; False when there is none of that id."""
    ended = Session.objects.filter(user=user, uid=uid).delete()[0]
    if ended:
        notices.changed(Tag.ACCOUNT_SESSION_END, user, actor=actor, origin=origin, sessions=ended)
    return bool(ended)


@transaction.atomic
def end_others(user: User, keep: str, *, actor: User, origin: RequestOrigin | None = None) -> int:
    """End every session of the account but the one with this key, and forget its browsers; returns how many."""
    ended = Session.objects.filter(user=user).exclude(session_key=digest(keep)).delete()[0]
    user.browsers.all().delete()
    notices.changed(Tag.ACCOUNT_SESSION_END, user, actor=actor, origin=origin, sessions=ended)
    return ended
