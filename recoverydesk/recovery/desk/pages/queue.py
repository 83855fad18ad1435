"""The queue's doors: the list, its CSV, Take next, and what is done to several tickets. No rule lives here."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common import csv_safe
from common.clock import database_now
from common.numbers import whole_number
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk import assignment, buttons, flags, mentions, queue, saved_views
from recoverydesk.recovery.desk.pages import spreadsheet
from recoverydesk.recovery.desk.pages.staff_request import actor_of, must_view, user_of
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import WORK_TICKETS

LIST = "admin:recovery_recoveryticket_changelist"
MOST_AT_ONCE = 100
SNOOZES = (1, 3, 7, 14)
TEMPLATE = "admin/recovery/recoveryticket/queue.html"


def show_queue(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """One page of one view of the queue; its address is the view."""
    must_view(request)
    asked, user, now = queue.Asked.of(request.GET), user_of(request), database_now()
    counts = queue.counts(user)
    may_work = user.has_perm(WORK_TICKETS)
    found = queue.queue_page(asked, user, now)
    page = {
        "title": _("Tickets"),
        "asked": asked,
        "found": found,
        "now": now,
        "tabs": [(name, title, counts[name], name == asked.queue) for name, (title, _q) in queue.QUEUES.items()],
        "queues": queue.QUEUES,
        "heads": queue.heads(asked),
        "claims": Claim.choices,
        "statuses": Status.choices,
        "flags": flags.FLAGS,
        "workers": queue.workers(),
        "may_work": may_work,
        "snoozes": [(days, ngettext("%d day", "%d days", days) % days) for days in SNOOZES],
        "views": saved_views.views_of_user(user, asked),
        "unread": list(mentions.unread(user)[: mentions.SHOWN]),
        "longest_name": saved_views.LONGEST_NAME,
        "view": asked.address(page=asked.page if asked.page > 1 else ""),
        "csv": asked.address(),
        "earlier": asked.address(page=asked.page - 1) if asked.page > 1 else "",
        "later": asked.address(page=asked.page + 1) if found.more else "",
    }
    return TemplateResponse(request, TEMPLATE, {**admin.site.each_context(request), **context, **page})


def take_next(request: HttpRequest) -> HttpResponse:
    """A POST that assigns the longest waiting ticket to whoever sent it and opens it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    must_view(request)
    try:
        ticket = assignment.take_next(actor=actor_of(request))
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
        return redirect(LIST)
    if ticket is None:
        messages.info(request, _("No ticket waits to be taken."))
        return redirect(LIST)
    messages.success(request, _("#%(number)d is with you.") % {"number": ticket.pk})
    return redirect("admin:recovery_recoveryticket_change", ticket.pk)


def act(request: HttpRequest) -> HttpResponse:
    """Give several tickets to somebody, or put them off. Nothing heavier is ever done to several at once."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    must_view(request)
    numbers = map(whole_number, request.POST.getlist("ticket"))
    chosen = [number for number in numbers if number is not None]
    button = buttons.BULK.get(request.POST.get("action", ""))
    if button is None or not chosen:
        messages.error(request, _("Choose tickets and what to do with them."))
    else:
        _do(request, chosen[:MOST_AT_ONCE], button)
    return redirect(_back(request))


def _do(request: HttpRequest, chosen: list[int], button: buttons.Button) -> None:
    actor, done, said = actor_of(request), 0, set()
    for pk in RecoveryTicket.objects.filter(pk__in=chosen).values_list("pk", flat=True):
        try:
            button(pk, actor, request.POST)
            done += 1
        except errors.RecoveryError as refusal:
            said.add(f"#{pk}: {refusal}")
    if done:
        messages.success(request, ngettext("%d ticket changed.", "%d tickets changed.", done) % done)
    for sentence in sorted(said):
        messages.error(request, sentence)


def save_view(request: HttpRequest) -> HttpResponse:
    """Save the view the form was on under a name of one's own."""
    return _with_views(request, _save_view)


def remove_view(request: HttpRequest) -> HttpResponse:
    """Remove a saved view."""
    return _with_views(request, _remove_view)


def _with_views(request: HttpRequest, act: Callable[[HttpRequest], str]) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    must_view(request)
    try:
        messages.success(request, act(request))
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
    return redirect(_back(request))


def _save_view(request: HttpRequest) -> str:
    asked = queue.Asked.of(dict(parse_qsl(request.POST.get("view", ""))[:20]))
    view = saved_views.save(user_of(request), name=request.POST.get("name", ""), asked=asked)
    return _("Saved as “%(name)s”.") % {"name": view.name}


def _remove_view(request: HttpRequest) -> str:
    saved_views.remove(user_of(request), name=request.POST.get("name", ""))
    return _("The saved view is removed.")


def _back(request: HttpRequest) -> str:
    """Back to the same view; only its query string comes from the form, and of that what the queue takes."""
    view = [(name, value) for name, value in parse_qsl(request.POST.get("view", "")) if name in queue.PARAMETERS]
    return f"{reverse(LIST)}?{urlencode(view[:20])}"


def as_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The tickets of a view, 5,000 at most, as a file that is safe to open in a spreadsheet."""
    must_view(request)
    found, _cut = queue.tickets(queue.Asked.of(request.GET), user_of(request))
    rows = queue.rows(found[: queue.CSV_ROWS], database_now())
    return csv_safe.csv_response("tickets.csv", _cells(rows))


def _cells(rows: list[queue.QueueRow]) -> Iterator[list[object]]:
    yield [str(name) for name in spreadsheet.COLUMNS]
    for row in rows:
        yield [read(row) for read in spreadsheet.COLUMNS.values()]
