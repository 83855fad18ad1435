"""The address page, and the page behind a verifying link: its GET only shows the button."""

from allauth.account import views as allauth_views
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts import addresses
from accounts.step_up import require_recent_second_factor
from accounts.visitor import account_of

ALWAYS = "action_send"  # sending a verifying link again changes nothing


class ConfirmAddressView(allauth_views.ConfirmEmailView):
    """The page behind a verifying link. Its key is mailed with dots; with allauth's own colons it opens as well."""

    def setup(self, request: HttpRequest, *args: object, key: str, **kwargs: object) -> None:
        super().setup(request, *args, key=key.replace(".", ":"), **kwargs)


class AddressesView(allauth_views.EmailView):
    """Add, remove, choose the primary one: behind a recent second factor, and only while addresses may change."""

    @method_decorator(login_required)
    @method_decorator(require_recent_second_factor)
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        why_not = "" if ALWAYS in request.POST else addresses.may_change(account_of(request))
        if why_not:
            messages.error(request, why_not)
            return HttpResponseRedirect(reverse("account_email"))
        with transaction.atomic():
            return super().post(request, *args, **kwargs)
