"""The staff log's search: what may be asked, and one page of answers by id, however many events there are."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from audit.models import Event, EventDetail
from audit.tags import Tag

PAGE = 50
CSV_ROWS = 10_000


class SearchForm(forms.Form):
    """Every field narrows; names are whole ones and ignore case. `before` and `after` are ids, for the pages."""

    actor = forms.CharField(label=_("Actor"), max_length=200, required=False)
    subject = forms.CharField(label=_("Account"), max_length=200, required=False)
    network = forms.CharField(label=_("Network"), max_length=64, required=False)
    tag = forms.ChoiceField(label=_("Event"), required=False)
    project = forms.CharField(label=_("Project"), max_length=200, required=False)
    token = forms.UUIDField(label=_("Token"), required=False)
    ticket = forms.IntegerField(label=_("Ticket"), required=False, min_value=1, max_value=2**31 - 1)
    since = forms.DateTimeField(label=_("From (UTC)"), required=False)
    until = forms.DateTimeField(label=_("Until (UTC)"), required=False)
    before = forms.IntegerField(required=False, widget=forms.HiddenInput, max_value=2**63 - 1)
    after = forms.IntegerField(required=False, widget=forms.HiddenInput, max_value=2**63 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tags = [(tag.value, str(tag.label).rstrip(".")) for tag in Tag]
        self.fields["tag"].choices = [("", _("any")), *tags]  # type: ignore[attr-defined]
        for name in ("since", "until"):
            self.fields[name].widget.attrs["placeholder"] = "2026-01-31 12:00"


@dataclass(frozen=True)
class Page:
    """One page, newest first; `older` and `newer` are the ids to go on from, None where there is nothing more."""

    events: list[Event]
    older: int | None
    newer: int | None


def found(asked: dict[str, Any]) -> QuerySet[Event]:
    """The events that cleaned form data asks for, in no order yet."""
    exact = {
        "actor_name__iexact": asked["actor"],
        "subject_name__iexact": asked["subject"],
        "project_name": asked["project"],
        "tag": asked["tag"],
        "token_id": asked["token"],
        "ticket": asked["ticket"],
        "time__gte": asked["since"],
        "time__lte": asked["until"],
    }
    events = Event.objects.filter(**{name: value for name, value in exact.items() if value not in ("", None)})
    if asked["network"]:
        events = events.filter(id__in=EventDetail.objects.filter(network=asked["network"]).values("event_id"))
    return events


def search_page(asked: dict[str, Any]) -> Page:
    """One page of the answer, by keys: as fast on the thousandth page as on the first."""
    events = found(asked)
    if asked["after"] is not None:
        rows = list(events.filter(id__gt=asked["after"]).order_by("id")[: PAGE + 1])
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        return Page(rows, rows[-1].id if rows else None, rows[0].id if more else None)
    if asked["before"] is not None:
        events = events.filter(id__lt=asked["before"])
    rows = list(events.order_by("-id")[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    turned = asked["before"] is not None and bool(rows)
    return Page(rows, rows[-1].id if more else None, rows[0].id if turned else None)


@dataclass
class Account:
    """An account as the log knows it: its id and the name it had in the newest event."""

    uid: UUID
    username: str


def account(name: str) -> Account | None:
    """The account of that name, as subject or actor, if the log knows one."""
    events = Event.objects.order_by("-id")
    about = events.filter(subject_name__iexact=name, subject_uid__isnull=False).first()
    if about and about.subject_uid:
        return Account(about.subject_uid, about.subject_name)
    by = events.filter(actor_name__iexact=name, actor_uid__isnull=False).first()
    return Account(by.actor_uid, by.actor_name) if by and by.actor_uid else None


def opened(asked: dict[str, Any]) -> list[Account]:
    """The accounts whose whole log this search opens: those named, on the first page."""
    if asked["before"] is not None or asked["after"] is not None:
        return []
    names = {asked[field].lower(): asked[field] for field in ("subject", "actor") if asked[field]}
    return [known for name in names.values() if (known := account(name))]
