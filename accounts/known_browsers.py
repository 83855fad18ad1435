"""Browsers an account has signed in with before: no notice for them, and limits of their own.

A stranger who types wrong passwords or codes uses up limits that a known browser does not share, so that nobody can
keep the owner out of the browser they always use.
"""

import hashlib
import secrets

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponseBase

from accounts.models import Browser, User

AT_ONCE = 1_000  # rows deleted in a transaction
NEW = "_new_browser_secret"
SECRET_BYTES = 32


def digest_of(request: HttpRequest) -> str:
    """The digest of this browser's cookie; empty when it has none."""
    secret = request.COOKIES.get(settings.BROWSER_COOKIE_NAME, "")
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def known(request: HttpRequest, user: User | None) -> str:
    """This browser's digest if the account has signed in with it, else "". The same query for nobody's account."""
    digest = digest_of(request)
    if not digest:
        return ""
    return digest if Browser.objects.filter(digest=digest, user_id=user.pk if user else 0).exists() else ""


def remember(request: HttpRequest, user: User) -> bool:
    """Remember this browser for the account; True when it was new to it."""
    digest = digest_of(request)
    if digest and Browser.objects.filter(digest=digest, user=user).update(last_seen=Now()):
        return False
    if not digest:
        setattr(request, NEW, secrets.token_urlsafe(SECRET_BYTES))
        digest = hashlib.sha256(getattr(request, NEW).encode()).hexdigest()
    Browser.objects.bulk_create([Browser(user=user, digest=digest)], ignore_conflicts=True)
    return True


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give a browser that was just remembered its cookie."""
    secret = getattr(request, NEW, "")
    if secret:
        response.set_cookie(
            settings.BROWSER_COOKIE_NAME,
            secret,
            max_age=int(settings.KEEP_BROWSERS.total_seconds()),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def old() -> QuerySet[Browser]:
    """Those nobody signed in with for KEEP_BROWSERS_DAYS."""
    return Browser.objects.filter(last_seen__lt=Now() - settings.KEEP_BROWSERS)


def purge() -> int:
    """Forget a thousand of them at most; returns how many."""
    found = list(old().values_list("pk", flat=True)[:AT_ONCE])
    return Browser.objects.filter(pk__in=found).delete()[0] if found else 0
