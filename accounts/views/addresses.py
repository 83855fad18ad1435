"""The address page, and the page behind a verifying link: its GET only shows the button."""

from allauth.account import views as allauth_views
from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from accounts import addresses, first_address, password_tries, throttle
from accounts.forms import CorrectAddressForm
from accounts.models import User
from accounts.step_up import require_recent_second_factor
from accounts.visitor import account_of
from audit.log import origin_of

ALWAYS = "action_send"  # sending a verifying link again changes nothing


class ConfirmAddressView(allauth_views.ConfirmEmailView):
    """The page behind a verifying link. Its key is mailed with dots; with allauth's own colons it opens as well."""

    def setup(self, request: HttpRequest, *args: object, key: str, **kwargs: object) -> None:
        super().setup(request, *args, key=key.replace(".", ":"), **kwargs)


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class CorrectAddressView(FormView[CorrectAddressForm]):
    """Whoever has the password corrects the address typed at sign-up, while nothing was ever verified."""

    template_name = "accounts/correct_address.html"
    form_class = CorrectAddressForm

    def form_valid(self, form: CorrectAddressForm) -> HttpResponse:
        typed = form.cleaned_data
        try:
            user = get_adapter().authenticate(self.request, username=typed["username"], password=typed["password"])
            if isinstance(user, User):
                return self._correct(user, typed["email"])
            form.add_error("password", _("This username and password do not match."))
        except throttle.TooOften as often:
            form.add_error(None, password_tries.again(often))
        except first_address.NotFresh:
            form.add_error(
                None,
                _(
                    "You cannot correct the address of this account on this page. "
                    "Sign in and change the address in your account."
                ),
            )
        return self.form_invalid(form)

    def _correct(self, user: User, address: str) -> HttpResponse:
        throttle.count(self.request, "correct_address", key=str(user.pk))
        taken = addresses.owner_of(address) is not None
        row = first_address.correct(user, address, origin=origin_of(self.request))
        if taken:  # the same answer: only its mailbox hears of it
            get_adapter().send_account_already_exists_mail(address)
        else:
            row.send_confirmation(self.request, signup=True)
        return HttpResponseRedirect(reverse("account_email_verification_sent"))


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
