"""The ticket page's views: the page, every button, replies, mails, and who else is there. No rule lives here."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import decisions
from accounts.mail import outbox
from accounts.mail.models import Mail
from common import wake
from common.clock import database_now
from common.numbers import whole_number
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk import assignment, buttons, presence, replies, stale_forms, timeline
from recoverydesk.recovery.desk import ticket as desk_ticket
from recoverydesk.recovery.desk.pages.staff_request import actor_of, must_view, user_of
from recoverydesk.recovery.models import RecoveryTicket, ReplyTemplate
from recoverydesk.recovery.workflow import seen_pages

PAGE = "admin:recovery_recoveryticket_change"
FOLDER = "admin/recovery/recoveryticket"
TYPED = ("reason", "text", "username", "url", "boundary", "outcome")


def find_ticket(number: str) -> RecoveryTicket:
    """The ticket of that number, with the people on it. Raises Http404."""
    found = RecoveryTicket.objects.select_related("subject", "assigned_to", "reset_by")
    return get_object_or_404(found, pk=whole_number(number))


def show_ticket(request: HttpRequest, number: str) -> HttpResponse:
    """The ticket, its next step and everything behind it."""
    must_view(request)
    return _page(request, find_ticket(number))


def _page(request: HttpRequest, ticket: RecoveryTicket, status: int = 200, **more: Any) -> HttpResponse:
    show = request.GET.get("show", "")
    context = {
        **_frame(request, f"#{ticket.pk} {ticket.subject.username}"),
        **desk_ticket.ticket_page(ticket, actor_of(request), show=show if show in timeline.SHOWS else "").context(),
        **more,
    }
    return TemplateResponse(request, f"{FOLDER}/ticket.html", context, status=status)


def _frame(request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.site.each_context(request), "opts": RecoveryTicket._meta, "title": title}


def submit(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Every button of the ticket page: a POST that calls one verb and comes back, by way of a second factor where the
    verb decides.

    A refusal changes nothing, says why, shows what has changed meanwhile and keeps what was typed.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    button = buttons.BUTTONS.get(verb)
    if button is None or not RecoveryTicket.objects.filter(pk=pk).exists():
        raise Http404
    actor = actor_of(request)
    try:
        messages.success(request, button(pk, actor, request.POST))
        wake.wake()
    except decisions.ConfirmationNeeded as needed:  # the verbs alone know which of them decide
        return decisions.ask_for_factor(request, needed, back=reverse(PAGE, args=[pk]))
    except errors.RecoveryError as refusal:
        if not stale_forms.was_done_by(pk, verb, user_of(request)):
            return _refused(request, pk, verb, refusal)
        messages.success(request, _("You had done this already, so it was not done again."))
    return redirect(PAGE, pk)


def _refused(request: HttpRequest, pk: int, verb: str, refusal: errors.RecoveryError) -> HttpResponse:
    ticket = find_ticket(str(pk))
    sentence = buttons.why_refused(ticket, refusal)
    if not user_of(request).has_perm("recovery.view_recoveryticket"):
        messages.error(request, sentence)
        return redirect(PAGE, pk)
    typed = {name: request.POST.get(name, "") for name in TYPED}
    changes = stale_forms.changes(pk, request.POST)
    kept = [typed[name] for name in ("reason", "text", "url") if typed[name]]  # its form may be gone
    more = {"refusal": sentence, "changes": changes, "typed": typed, "typed_verb": verb, "kept": kept}
    return _page(request, ticket, HTTPStatus.CONFLICT, **more)


def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """Write to the contact: the preview first, and only what was previewed can be sent."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    must_view(request)
    ticket = find_ticket(str(pk))
    text = request.POST.get("text", "").strip() or _template(request.POST.get("template", ""))
    if not request.POST.get("send"):
        named = request.POST.get("version") and request.POST.get("seen")
        return _preview(
            request, ticket, text, seen_pages.seen_of_form(request.POST) if named else seen_pages.seen_of_ticket(ticket)
        )
    try:
        return _send(request, pk, text)
    except errors.RecoveryError as refusal:
        ticket = find_ticket(str(pk))
        return _preview(
            request, ticket, text, seen_pages.seen_of_ticket(ticket), said=buttons.why_refused(ticket, refusal)
        )


def _template(number: str) -> str:
    found = ReplyTemplate.objects.filter(pk=whole_number(number) or 0, active=True).first()
    return found.body if found else ""


def _send(request: HttpRequest, pk: int, text: str) -> HttpResponse:
    actor = actor_of(request)
    seen, mark = seen_pages.seen_of_form(request.POST), request.POST.get("previewed", "")
    replies.send_reply(pk, actor=actor, text=text, previewed=mark, seen=seen)
    if request.POST.get("snooze"):
        assignment.snooze(pk, actor=actor, until=database_now() + replies.SNOOZE)
    wake.wake()
    messages.success(request, _("The reply is on its way to the contact."))
    return redirect(PAGE, pk)


def _preview(
    request: HttpRequest, ticket: RecoveryTicket, text: str, seen: seen_pages.Seen, said: str = ""
) -> HttpResponse:
    user, draft = user_of(request), replies.fill(text, ticket)
    changes = stale_forms.changes(ticket.pk, request.POST) if said else []
    problem = replies.why_not_by(user, ticket) or replies.why_not(ticket, draft)
    context = {
        **_frame(request, _("Reply to #%(number)d") % {"number": ticket.pk}),
        "ticket": ticket,
        "draft": draft,
        "problem": problem,
        "refusal": said,
        "changes": changes,
        "rendered": replies.preview(ticket, draft) if draft.text else None,
        "fields": replies.FIELDS,
        "seen": seen,
        "previewed": "" if problem else replies.mark(ticket, draft, user, seen),
        "snooze": request.POST.get("snooze") if "previewed" in request.POST else buttons.puts_off(ticket),
        "days": replies.SNOOZE.days,
    }
    status = HTTPStatus.CONFLICT if said else HTTPStatus.OK
    return TemplateResponse(request, f"{FOLDER}/reply.html", context, status=status)


def looking(request: HttpRequest, pk: int) -> HttpResponse:
    """The page's poller says it is still open and hears who else has it: a POST, answered with a piece of HTML."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    must_view(request)
    if not RecoveryTicket.objects.filter(pk=pk).exists():
        raise Http404
    others = presence.look_in(pk, user_of(request))
    return render(request, f"{FOLDER}/_others.html", {"others": others, "now": database_now()})


def mail(request: HttpRequest, pk: int, mail_id: int) -> HttpResponse:
    """One mail of the ticket as it went out, its links and the branch name masked."""
    must_view(request)
    ticket = find_ticket(str(pk))
    one = get_object_or_404(Mail, pk=mail_id, reference=ticket.reference)
    title = _("Mail to %(recipient)s") % {"recipient": one.recipient}
    context = {**_frame(request, title), "ticket": ticket, "mail": one, "rendered": outbox.render(one, masked=True)}
    return TemplateResponse(request, f"{FOLDER}/mail.html", context)
