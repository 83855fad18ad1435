"""Our answers to allauth's questions: who may sign in, what is written down, where mail goes."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import (
    addresses,
    hooks,
    known_browsers,
    own_freeze,
    password_tries,
    requirement,
    services,
    sign_in,
    visits,
)
from accounts.devices import RecoveryCode, RecoveryCodeDevice
from accounts.lifecycle import EMPTIED_PREFIX
from accounts.mail import outbox
from accounts.models import User
from accounts.second_factors import has_primary_factor
from accounts.visitor import account_of
from audit.log import origin_of, record
from audit.tags import Tag
from common.clock import database_now


def absolute(name: str, *args: str) -> str:
    """The address of a page as mails give it: below BASE_URL, whatever Host a request named."""
    return settings.BASE_URL + reverse(name, args=args)


class MailMixin(DefaultAccountAdapter):
    """allauth's mails go through our outbox, in the account's language, with links below BASE_URL.

    The outbox sends five a day of each kind and no more; its pages never hear of it and answer the same.
    """

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        user = context.get("user")
        with translation.override(user.language if user else translation.get_language()):
            message = self.render_mail(
                template_prefix,
                email,
                {**context, "email": email, "site_name": settings.SITE_NAME, "base_url": settings.BASE_URL},
            )
        kind = template_prefix.rsplit("/", 1)[-1]
        outbox.queue_prepared(kind, email, str(message.subject), str(message.body), user=user)

    def send_account_already_exists_mail(self, email: str) -> None:
        urls = {"signup_url": absolute("account_signup"), "password_reset_url": absolute("account_reset_password")}
        self.send_mail("account/email/account_already_exists", email, urls)

    def get_email_confirmation_url(self, request: HttpRequest | None, emailconfirmation: Any) -> str:  # noqa: ARG002
        """Without a colon, at which mail programs end a link; `ConfirmAddressView` reads both spellings."""
        return absolute("account_confirm_email", emailconfirmation.key.replace(":", "."))

    def get_reset_password_from_key_url(self, key: str) -> str:
        uidb36, _dash, secret = key.partition("-")
        return absolute("account_reset_password_from_key", uidb36, secret)


class AccountAdapter(MailMixin):
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """SIGN_UP: else accounts come from an import, or from the operator's shell."""
        return settings.SIGN_UP == "open"

    def get_client_ip(self, request: HttpRequest) -> str:
        """What allauth counts attempts by: the address our events have, an IPv4 one never dressed up as IPv6."""
        return origin_of(request).network or super().get_client_ip(request)

    def get_login_stages(self) -> list[str]:
        return [*super().get_login_stages(), "accounts.stages.SecondFactorStage"]

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Check a password, at sign-in or to confirm access; every refusal is an event and reads the same.

        Raises throttle.TooOften and password_tries.NameLocked before the password is looked at.
        """
        login = credentials["username"]
        user = sign_in.find_account(login)
        password_tries.count(request, user, login)
        right = sign_in.password_is_right(user, credentials["password"])
        if user and right and own_freeze.may_begin_sign_in(user):
            password_tries.was_right(request, user, login)
            return user
        present = request.user if isinstance(request.user, User) else None
        sign_in.refused(
            user,
            why=sign_in.why_not(user, right) if user else "unknown",
            origin=origin_of(request),
            tag=Tag.ACCOUNT_STEP_UP_FAILURE if present else Tag.ACCOUNT_LOGIN_FAILURE,
            actor=present or sign_in.NOBODY,
        )
        return None

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """allauth would forget wrong passwords after a mailed key was used; ours are let in by `let_in` instead."""

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        right = super().reauthenticate(user, password)
        if right and isinstance(user, User):
            origin = origin_of(self.request)
            record(Tag.ACCOUNT_STEP_UP, actor=user, subject=user, origin=origin, method="password")
        return right

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """With a second factor the password alone confirms nothing."""
        if isinstance(user, User) and has_primary_factor(user):
            ours = {"id": "second_factor", "description": _("Use your second factor")}
            return [{**ours, "url": reverse("account_step_up")}]
        return super().get_reauthentication_methods(user)

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Begin the session and write it down; an account that closed since the password was typed stays out."""
        with transaction.atomic(savepoint=False):
            row = services.locked(user)  # type: ignore[arg-type]
            unchanged = row.may_sign_in and row.password == user.password
            if unchanged:
                self._begin_session(request, user, row)
        if not unchanged:
            messages.error(request, _("Your account has just been changed. Please sign in again."))
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))

    def _begin_session(self, request: HttpRequest, user: AbstractBaseUser, row: User) -> None:
        device = getattr(user, "otp_device", None)
        new_browser = known_browsers.remember(request, row)
        super().login(request, user)
        visits.begin(request)
        sign_in.completed(row, device=device, origin=origin_of(request), new_browser=new_browser)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff come to work: they land on the desk, which asks for what else they owe."""
        if isinstance(request.user, User) and request.user.is_staff:
            return reverse("admin:index")
        return str(super().get_login_redirect_url(request))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """After a completed sign-in: a hook's page, else the enrolment an account owes, else what was asked for."""
        assert isinstance(user, User)
        response = super().post_login(request, user, **kwargs)
        device = getattr(user, "otp_device", None)
        answer = hooks.signed_in(request, user, device)
        if answer is not None:
            return answer
        if device is None and requirement.is_due(user):
            messages.info(request, _("Your account needs a second factor. Add one now."))
            return HttpResponseRedirect(reverse("account_totp_start"))
        if isinstance(device, RecoveryCodeDevice):
            return self._after_recovery_code(request, device)
        if device is not None and not RecoveryCode.objects.filter(device__user=user, used_at=None).exists():
            messages.warning(request, _("You have no recovery codes. Make some now, in case you lose your phone."))
        return response

    def _after_recovery_code(self, request: HttpRequest, device: RecoveryCodeDevice) -> HttpResponse:
        """A code stands in for a device that is not at hand: offer to add another one now."""
        left = device.codes.filter(used_at=None).count()
        messages.warning(
            request,
            ngettext(
                "You used a recovery code. You have %(left)s left. Did you lose your device? Add a new one now.",
                "You used a recovery code. You have %(left)s left. Did you lose your device? Add a new one now.",
                left,
            )
            % {"left": left},
        )
        return HttpResponseRedirect(reverse("account_totp_start"))

    @transaction.atomic
    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            user = account_of(request)
            record(Tag.ACCOUNT_LOGOUT, actor=user, subject=user, origin=origin_of(request))
        super().logout(request)

    def clean_username(self, username: str, shallow: bool = False) -> str:
        username = super().clean_username(username, shallow=True)
        if username.lower().startswith(EMPTIED_PREFIX):
            raise self.validation_error("username_blacklisted")
        if not shallow and User.objects.with_username(username).exists():
            raise self.validation_error("username_taken")
        return username

    @transaction.atomic
    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: BaseForm, commit: bool = True
    ) -> AbstractBaseUser:
        assert isinstance(user, User)
        user.language = translation.get_language() or settings.LANGUAGE_CODE
        user.unverified_since = database_now()
        super().save_user(request, user, form, commit)
        record(Tag.ACCOUNT_CREATE, actor=user, subject=user, origin=origin_of(request), address=user.email)
        return user

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """A signed-in change or a mailed key: sessions end either way, the present one only changes its key."""
        assert isinstance(user, User)
        signed_in = self.request.user.is_authenticated
        tag = Tag.ACCOUNT_PASSWORD_CHANGE if signed_in else Tag.ACCOUNT_PASSWORD_RESET
        services.choose_password(user, password, actor=user, origin=origin_of(self.request), tag=tag)

    @transaction.atomic
    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A first address may always be verified; a further one only while addresses may change."""
        user = services.locked(email_address.user)
        if not EmailAddress.objects.filter(pk=email_address.pk, user=user).exists():  # corrected in this very moment
            return False
        why_not = addresses.may_change(user) if addresses.verified(user) else ""
        if why_not:
            messages.error(request, why_not)
            return False
        confirmed = super().confirm_email(request, email_address)
        if confirmed:
            User.objects.filter(pk=user.pk).update(unverified_since=None)
        return confirmed
