"""The account's own history: filter, older pages, CSV, and what to do about a line that was not you."""

from itertools import groupby
from typing import TypedDict

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import browsers, networks
from accounts.visitor import account_of
from audit import history
from audit.log import origin_of
from audit.tags import Tag
from common.csv_safe import csv_text
from common.numbers import whole_number

PAGE = 50
MOST_IN_CSV = 10_000
KINDS: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "": (gettext_lazy("Everything"), ()),
    "sign-in": (gettext_lazy("Sign-ins"), ("account:login", "account:logout", "account:session", "account:step_up")),
    "factors": (
        gettext_lazy("Second factors"),
        ("account:two_factor", "account:recovery_codes", "account:never_reset"),
    ),
    "password": (gettext_lazy("Password"), ("account:password",)),
    "addresses": (gettext_lazy("Addresses"), ("account:email",)),
    "tokens": (gettext_lazy("Tokens"), ("account:api_token",)),
    "projects": (gettext_lazy("Projects"), ("account:role", "project:", "file:")),
    "recovery": (
        gettext_lazy("Recovery"),
        ("account:recovery:", "account:quarantine", "account:freeze", "account:unfreeze"),
    ),
}  # fmt: skip


class Row(TypedDict):
    """A line with browser and network in words."""

    line: history.Line
    device: str
    network: str


@never_cache
@login_required
@require_safe
def account_history(request: HttpRequest) -> HttpResponse:
    """What happened to this account, newest first, in plain sentences and the account's own time zone."""
    user, kind = account_of(request), _kind(request)
    lines = history.for_subject(user.uid, PAGE + 1, kinds=KINDS[kind][1], before=_before(request))
    here = origin_of(request).network
    context = {
        "groups": _folded([_row(line, here) for line in lines[:PAGE]]),
        "older": lines[PAGE - 1].id if len(lines) > PAGE else None,
        "kinds": [(name, words) for name, (words, _tags) in KINDS.items()],
        "kind": kind,
    }
    return render(request, "accounts/history.html", context)


@never_cache
@login_required
@require_safe
def account_history_csv(request: HttpRequest) -> HttpResponse:
    """The same as a file, times with their offset."""
    user = account_of(request)
    lines = history.for_subject(user.uid, MOST_IN_CSV, kinds=KINDS[_kind(request)][1])
    head = [_("Time"), _("What"), _("Who"), _("Network"), _("Browser")]
    rows = [[localtime(line.time).isoformat(timespec="seconds"), *_words(line)] for line in lines]
    answer = HttpResponse(csv_text([head, *rows]), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="security-history.csv"'
    return answer


@never_cache
@login_required
@require_safe
def not_me(request: HttpRequest) -> HttpResponse:
    """One line of the history that its owner does not know, and what they can do about it."""
    number = whole_number(request.GET.get("event", ""))
    if number is None:
        raise Http404
    found = history.for_subject(account_of(request).uid, 1, before=number + 1)
    if not found or found[0].id != number:
        raise Http404
    return render(request, "accounts/not_me.html", {"row": _row(found[0], origin_of(request).network)})


def _kind(request: HttpRequest) -> str:
    asked = request.GET.get("kind", "")
    return asked if asked in KINDS else ""


def _before(request: HttpRequest) -> int | None:
    return whole_number(request.GET.get("before", ""))


def _folded(rows: list[Row]) -> list[tuple[bool, list[Row]]]:
    """The rows in their order, mails that follow one another in one group: whether they are mails, and the rows."""
    grouped = groupby(rows, key=lambda row: row["line"].tag == Tag.ACCOUNT_EMAIL_SENT)
    return [(mails, list(group)) for mails, group in grouped]


def _row(line: history.Line, here: str) -> Row:
    return {
        "line": line,
        "device": browsers.describe(line.device) if line.device else "",
        "network": networks.describe(line.network, here),
    }


def _words(line: history.Line) -> list[str]:
    what = " ".join(filter(None, (line.sentence, line.project, line.address, f"#{line.ticket}" if line.ticket else "")))
    return [what, line.actor, line.network, browsers.describe(line.device)]
