"""The desk's pages of this room: unmatched requests with their buttons; incoming mails and issue forms to read."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import User
from audit.desk_admin import DeskAdmin
from common import keys
from recoverydesk.channels import unmatched
from recoverydesk.channels.issue_forms import Problem
from recoverydesk.channels.models import TEXT, IncomingMail, IssueForm, Unmatched
from recoverydesk.channels.unmatched import Asked
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk.pages.staff_request import actor_of, user_of
from recoverydesk.recovery.evidence.claims import Lost
from recoverydesk.recovery.models import Claim
from recoverydesk.recovery.permissions import WORK_TICKETS

SHOWN = 100
PROBLEMS = {
    Problem.NO_FORM: gettext_lazy("It is no form: no heading asks for a name."),
    Problem.NO_NAME: gettext_lazy("It names no account."),
    Problem.TWO_NAMES: gettext_lazy("It names two accounts."),
    Problem.CLAIM_UNCLEAR: gettext_lazy("It does not say clearly what is lost."),
    Problem.NEEDS_ADDRESS: gettext_lazy("The address is lost. A new one belongs in our form, not in an issue."),
    Problem.HAS_CODES: gettext_lazy("They have recovery codes left and can sign in with one."),
    Problem.TOO_LONG: gettext_lazy("It is too long to be a form."),
}

CLAIMS = dict(Lost.choices) | dict(Claim.choices)


def _never(*_args: object, **_options: object) -> bool:
    return False


@dataclass(frozen=True)
class Line:
    """One unmatched request as the page shows it."""

    row: Unmatched
    asked: Asked
    claim: str
    problems: list[str]
    suggested: User | None


@admin.register(Unmatched)
class UnmatchedAdmin(DeskAdmin[Unmatched]):
    """The open ones, oldest first, each with what staff may do."""

    own_parameters = frozenset[str]()
    has_add_permission = has_change_permission = has_delete_permission = _never

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("", site(self.changelist_view), name="channels_unmatched_changelist"),
            path("<int:pk>/end/", site(require_POST(self.end)), name="channels_unmatched_end"),
        ]

    def list_page(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        rows = Unmatched.objects.filter(ended_at=None).select_related("form").order_by("noted_at", "pk")
        context = {
            **self.admin_site.each_context(request),
            "title": self.title_of_list(),
            "lines": [_line(row) for row in rows[:SHOWN]],
            "may_work": user_of(request).has_perm(WORK_TICKETS),
        }
        return TemplateResponse(request, "admin/channels/unmatched.html", context)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a button says; back to the list, or to the ticket that was opened. Raises PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        actor = actor_of(request)
        try:
            if "link" in request.POST:
                ticket = unmatched.link(pk, actor=actor, username=request.POST.get("username", ""))
                return redirect("admin:recovery_recoveryticket_change", ticket.pk)
            if "answer" in request.POST:
                unmatched.answer(pk, actor=actor)
                messages.success(request, _("Our answer is on its way."))
            elif "close" in request.POST:
                unmatched.close(pk, actor=actor)
                messages.success(request, _("The request is closed. Nobody was told."))
        except errors.RecoveryError as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:channels_unmatched_changelist")


def _line(row: Unmatched) -> Line:
    asked = unmatched.read(row)
    problems = row.form.problems if row.form else []
    return Line(
        row=row,
        asked=asked,
        claim=str(CLAIMS.get(asked.claim, "")),
        problems=[str(PROBLEMS[Problem(one)]) for one in problems] or [_("No account has this name.")],
        suggested=unmatched.suggested(asked),
    )


class _ToRead:
    """Rows nobody writes here."""

    has_add_permission = has_change_permission = has_delete_permission = _never


@admin.register(IncomingMail)
class IncomingMailAdmin(_ToRead, DeskAdmin[IncomingMail]):
    list_display = ["received_at", "kind", "reason", "sender", "subject", "its_ticket"]
    list_filter = ["kind"]
    list_select_related = ["ticket__subject"]
    ordering = ["-pk"]
    fields = ["received_at", "kind", "reason", "sender", "subject", "its_ticket", "text", "dropped"]

    @admin.display(description=gettext_lazy("ticket"))
    def its_ticket(self, row: IncomingMail) -> str:
        return str(row.ticket) if row.ticket else "–"

    @admin.display(description=gettext_lazy("text"))
    def text(self, row: IncomingMail) -> str:
        return opened(row.original)

    @admin.display(description=gettext_lazy("attachments, dropped"))
    def dropped(self, row: IncomingMail) -> str:
        return ", ".join(row.attachments) or "–"


@admin.register(IssueForm)
class IssueFormAdmin(_ToRead, DeskAdmin[IssueForm]):
    list_display = ["read_at", "url", "username", "claim", "author_id", "edited_name"]
    ordering = ["-pk"]
    fields = ["read_at", "issue", "author_id", "username", "claim", "to_ask", "edited_at", "edited_name", "text"]

    @admin.display(description=gettext_lazy("issue"))
    def issue(self, row: IssueForm) -> str:
        return row.url or "–"

    @admin.display(description=gettext_lazy("to ask"))
    def to_ask(self, row: IssueForm) -> str:
        return " ".join(str(PROBLEMS[Problem(one)]) for one in row.problems) or "–"

    @admin.display(description=gettext_lazy("text"))
    def text(self, row: IssueForm) -> str:
        return opened(row.body)


def opened(sealed: bytes | memoryview | None) -> str:
    """A text that somebody wrote, while it is kept."""
    return keys.decrypt(TEXT, bytes(sealed)).decode() if sealed is not None else "–"
