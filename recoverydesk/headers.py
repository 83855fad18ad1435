"""The security headers, on answers too that an outer layer gives before any page is asked."""

from django.http import HttpRequest
from django.middleware.security import SecurityMiddleware


class SecurityHeaders(SecurityMiddleware):
    """Django's headers without its redirect: around everything, so that a 400 for a wrong host has them as well."""

    def process_request(self, request: HttpRequest) -> None:
        """Nothing: the redirect to https is Django's own, further in."""
