"""A request of staff: who asks, and what they may see."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import decisions
from accounts.models import User
from recoverydesk.recovery import permissions


def user_of(request: HttpRequest) -> User:
    """The member of staff; the admin site lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def actor_of(request: HttpRequest) -> permissions.Actor:
    """Who acts, and what they confirmed with a second factor in this request."""
    return permissions.staff(user_of(request), confirmed=decisions.confirmed(request))


def must_view(request: HttpRequest) -> None:
    """Raise PermissionDenied for staff who may not see tickets."""
    if not user_of(request).has_perm(permissions.VIEW):
        raise PermissionDenied
