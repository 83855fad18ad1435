"""The desk's page on which an admin says how much one code host may be asked."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import wake
from recoverydesk.recovery import errors
from recoverydesk.recovery.code_hosts import limits
from recoverydesk.recovery.desk.pages.staff_request import actor_of
from recoverydesk.recovery.models import CodeHost
from recoverydesk.recovery.probing.patience import DAYS, SECONDS
from recoverydesk.recovery.reasons import REASON_MIN_LENGTH
from recoverydesk.recovery.repository_urls import known_hosts

PAGE = "admin:recovery_codehost_change"


class LimitsForm(forms.Form):
    """How often, and why. What is left empty is what is usual for this host."""

    a_day = forms.IntegerField(
        label=gettext_lazy("Checks a day, at most"), required=False, min_value=DAYS[0], max_value=DAYS[1]
    )
    a_second = forms.FloatField(
        label=gettext_lazy("Checks a second, at most"), required=False, min_value=SECONDS[0], max_value=SECONDS[1],
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("Reason (goes into the log)"), min_length=REASON_MIN_LENGTH, max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, host: CodeHost, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"a_day": host.looks_a_day, "a_second": host.looks_a_second})
        usual = known_hosts.pace(host.host)
        for name, bounds, number in (("a_day", DAYS, usual.a_day), ("a_second", SECONDS, usual.a_second)):
            numbers = {"least": _shown(bounds[0]), "most": _shown(bounds[1]), "number": _shown(number)}
            help_text = _("%(least)s to %(most)s. Leave it empty for the usual %(number)s.")
            self.fields[name].help_text = help_text % numbers


def _shown(number: float) -> str:
    """As the reader's language writes it: a whole number without a decimal point."""
    return number_format(int(number) if number == int(number) else number, force_grouping=True)


def show_host_limits(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST that is taken leads back to the host's page, one that is refused keeps what was typed."""
    if not limits.may_limit(actor_of(request)):
        raise PermissionDenied
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    host = get_object_or_404(CodeHost, pk=pk)
    form = LimitsForm(host, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _limit(request, host, form.cleaned_data)
        except errors.RecoveryError as refusal:
            form.add_error(None, str(refusal))
    context = {"host": host, "form": form, "opts": CodeHost._meta, "title": _("How often we ask %s") % host.host}
    page = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, "admin/recovery/codehost/limits.html", page, status=409 if form.errors else 200)


def _limit(request: HttpRequest, host: CodeHost, said: dict[str, Any]) -> HttpResponse:
    limits.limit(host.host, **said, actor=actor_of(request))
    wake.wake()
    messages.success(request, _("Saved. The next check of this host follows these limits."))
    return redirect(PAGE, host.pk)
