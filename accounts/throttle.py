"""How often a password or a code may be tried: per account, browser and network, never longer than 15 minutes.

The numbers are in settings.ACCOUNT_RATE_LIMITS; a network is an IPv4 address or an IPv6 /64. Counters live in the
cache and are used up before any transaction begins, so that no rollback gives a try back.
"""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse

from accounts import known_browsers, networks
from accounts.models import User
from audit.log import origin_of


def login_key(request: HttpRequest, login: str, digest: str) -> str:
    """Whose wrong passwords are counted together: one known browser's, else those of one network at one name."""
    where = f"browser:{digest}" if digest else f"network:{networks.network_of(origin_of(request).network)}"
    return f"{where}:{login.strip().lower()}"


def password_allowed(request: HttpRequest, login: str, digest: str) -> bool:
    """Count one try from anywhere against the name that was typed; a known browser's is not counted here."""
    return bool(digest) or ratelimit.consume(request, action="login_account", key=login.strip().lower())


def code_refused(request: HttpRequest, user: User, action: str) -> HttpResponse | None:
    """Count one try of a code or key (POST); the answer to give when there were too many, else None."""
    digest = known_browsers.known(request, user) if request.method == "POST" else ""
    return ratelimit.consume_or_429(request, action=action, key=f"{user.pk}:{digest}")
