"""Staff open a ticket for an account whose owner wrote to them elsewhere: one form, and the verb that intake uses."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.forms import AccountNameField
from accounts.models import User
from common import wake
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.desk.pages.staff_request import actor_of, must_view, user_of
from recoverydesk.recovery.models import Claim, Source
from recoverydesk.recovery.permissions import WORK_TICKETS

WHOSE_TEMPLATE = "admin/recovery/recoveryticket/open.html"
TEMPLATE = "admin/accounts/user/open_ticket.html"


class OpenForm(forms.Form):
    """What the owner says is lost, and where they said so."""

    claim = forms.ChoiceField(label=gettext_lazy("What is lost"), choices=Claim.choices)
    contact = forms.CharField(
        label=gettext_lazy("Contact"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Fill this in only if the address is lost or was never verified. We mail a link "
            "to this address. The claimant has to open the link."
        ),
    )
    codes = forms.BooleanField(
        label=gettext_lazy("The claimant says that recovery codes are lost or were never saved"),
        required=False,
        initial=True,
    )
    issue = forms.CharField(
        label=gettext_lazy("Issue"),
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The web address of an issue in our issue tracker."),
    )


class WhoForm(forms.Form):
    """Whom it is about, as people write names."""

    username = AccountNameField(label=gettext_lazy("Username, address or profile page"))


@require_http_methods(["GET", "HEAD", "POST"])
def show_whose_form(request: HttpRequest) -> HttpResponse:
    """Ask for the account by name; lead to its own form. Nothing is opened yet."""
    must_view(request)
    if not user_of(request).has_perm(WORK_TICKETS):
        raise PermissionDenied
    form = WhoForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        subject = intake.find_subject(form.cleaned_data["username"])
        if subject is not None:
            return redirect("admin:recovery_open", subject.pk)
        form.add_error("username", _("No active account has this name or this verified address."))
    context = {**admin.site.each_context(request), "form": form, "title": _("Open a ticket")}
    return TemplateResponse(request, WHOSE_TEMPLATE, context, status=409 if form.errors else 200)


def show_opening_form(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, and its answer: the new ticket, or the one that was open already."""
    must_view(request)
    if not user_of(request).has_perm(WORK_TICKETS):
        raise PermissionDenied
    subject = get_object_or_404(User, pk=pk)
    form = OpenForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _open(request, subject, form.cleaned_data)
        except errors.RecoveryError as refusal:
            form.add_error(None, str(refusal))
    context = {"subject": subject, "form": form, "title": _("Open a ticket for %(name)s") % {"name": subject.username}}
    status = 409 if form.errors else 200
    return TemplateResponse(request, TEMPLATE, {**admin.site.each_context(request), **context}, status=status)


def _open(request: HttpRequest, subject: User, said: dict[str, Any]) -> HttpResponse:
    opened = workflow.open_ticket(
        subject=subject,
        claim=Claim(said["claim"]),
        actor=actor_of(request),
        source=Source.STAFF,
        contact=said["contact"],
        says_codes_lost=said["codes"],
        issue_url=said["issue"],
    )
    wake.wake()
    sentence = _("A ticket was already open. Nothing in it changed.") if opened.joined else _("The ticket is open.")
    messages.success(request, sentence)
    return redirect("admin:recovery_recoveryticket_change", opened.ticket.pk)
