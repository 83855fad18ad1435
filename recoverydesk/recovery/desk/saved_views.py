"""Views of the queue a member of staff saves under a name of their own; nobody else sees them (ADR 0090)."""

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk.queue import Asked
from recoverydesk.recovery.models import SavedView

MOST = 20
LONGEST_NAME = 40
LONGEST_QUERY = 1000


@dataclass(frozen=True)
class Saved:
    """One saved view beside the tabs; `chosen` while the page shows it."""

    name: str
    query: str
    chosen: bool


def views_of_user(user: User, asked: Asked) -> list[Saved]:
    """This person's views by name. One query."""
    shown = asked.address()
    return [Saved(view.name, view.query, view.query == shown) for view in SavedView.objects.filter(user=user)]


def save(user: User, *, name: str, asked: Asked) -> SavedView:
    """Save the view a page shows; a name used before now means this one. Raises BadView."""
    name, query = " ".join(name.split()), asked.address()
    if not 0 < len(name) <= LONGEST_NAME:
        raise errors.BadView
    if len(query) > LONGEST_QUERY:
        raise errors.SearchTooLong
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # so that two requests at once count each other
        if SavedView.objects.filter(user=user).exclude(name=name).count() >= MOST:
            raise errors.ViewsFull
        view, _new = SavedView.objects.update_or_create(user=user, name=name, defaults={"query": query})
        return view


def remove(user: User, *, name: str) -> None:
    """Remove a view of one's own; one that is not there is removed already."""
    SavedView.objects.filter(user=user, name=name).delete()
