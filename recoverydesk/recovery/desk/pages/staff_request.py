"""A request of staff: who asks, what they may see, and text only."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import decisions
from accounts.models import User
from recoverydesk.recovery import permissions

Answer = TypeVar("Answer", bound=HttpResponseBase)


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


def text_only(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """Answer 400 to what holds a NUL: nobody types one, and PostgreSQL takes none."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer:
        given = (value for part in (request.GET, request.POST) for _name, values in part.lists() for value in values)
        if any("\0" in value for value in given):
            raise BadRequest
        return view(request, *args, **kwargs)

    return wrapped
