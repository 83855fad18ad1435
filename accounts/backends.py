"""Who stays signed in: a frozen or closed account is nobody at its next request."""

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from django.contrib.auth.models import AnonymousUser

from accounts.models import User


class AuthenticationBackend(AllauthBackend):
    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Asked at sign-in and for the session of every request."""
        return isinstance(user, User) and user.may_sign_in
