"""Who sends a request."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User


def account_of(request: HttpRequest) -> User:
    """The signed-in account as a plain row, read anew; raises PermissionDenied for a visitor."""
    user = request.user
    if not isinstance(user, User) or user.pk is None:
        raise PermissionDenied
    return User.objects.get(pk=user.pk)
