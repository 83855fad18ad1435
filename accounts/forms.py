"""Forms of the account pages. allauth's where they fit; ours where a rule differs."""

import zoneinfo
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import mistyped, password_reset, password_tries, throttle, typed_names
from accounts.models import User
from audit.log import origin_of


class TimeZoneField(forms.CharField):
    """A time zone of the tz database, typed as its name or as its city: "Europe/Berlin" or "berlin".

    Six hundred options were half of the page, and hard to find one's own in.
    """

    default_error_messages = {
        "unknown": _("We do not know this time zone. Type the name of a city like Berlin, or Europe/Berlin, or UTC."),
        "several": _("There are several: %(names)s. Type one of them in full."),
    }

    def clean(self, value: Any) -> str:
        typed = super().clean(value).replace(" ", "_").lower()
        names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
        found = [name for name in names if name.lower() == typed]
        found = found or [name for name in names if name.lower().rpartition("/")[2] == typed]
        if len(found) == 1:
            return found[0]
        if not found:
            raise forms.ValidationError(self.error_messages["unknown"], code="unknown")
        raise forms.ValidationError(self.error_messages["several"], code="several", params={"names": ", ".join(found)})


class AccountNameField(forms.CharField):
    """Which account, as people write it: cleaned to a username or an address. Whether there is one is not looked at."""

    widget = forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"})
    default_error_messages = {
        "no_name": _("This cannot be a username. Type only the name, such as ada, or an e-mail address of the account.")
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=typed_names.LONGEST, **kwargs)

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        try:
            return typed_names.read(typed) if typed else ""
        except typed_names.NoName as error:
            raise forms.ValidationError(self.error_messages["no_name"], code="no_name") from error


class LoginForm(allauth_forms.LoginForm):
    """Sign in with a username or an address. A name that strangers have locked takes a code beside the password."""

    locked = False  # the name is, and a code was typed: the view tries both at once

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = _("Username or e-mail address")
        login.widget.attrs = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        if "code" in self.data:
            self.ask_for_code()

    def ask_for_code(self) -> None:
        """Show the field that a locked name needs."""
        code = CodeForm().fields["code"]
        code.required = False
        code.widget.attrs.pop("autofocus")
        self.fields["code"] = code

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()  # type: ignore[no-untyped-call,no-any-return]
        except password_tries.NameLocked as locked:
            self.locked = bool(self.cleaned_data.get("code"))
            if not self.locked:
                self.ask_for_code()
                raise forms.ValidationError(password_tries.again(locked)) from locked
        except throttle.TooOften as often:
            raise forms.ValidationError(password_tries.again(often)) from often
        return self.cleaned_data


class SignUpForm(allauth_forms.SignupForm):
    """allauth's, which asks about an address that looks mistyped before anything is sent to it."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        mistyped.ask(self, "email", str(data.get("email", "")))
        return data


class AddAddressForm(allauth_forms.AddEmailForm):
    """The same for a further address."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        mistyped.ask(self, "email", str(data.get("email", "")))
        return data


class CorrectAddressForm(forms.Form):
    """Who an account is, shown by its password, and the address that was meant at sign-up."""

    username = AccountNameField(label=_("Username"))
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    email = forms.EmailField(
        label=_("The right e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_email(self) -> str:
        """ASCII only: a look-alike letter could name somebody else's mailbox."""
        address = str(self.cleaned_data["email"])
        if not address.isascii():
            raise forms.ValidationError(_("Give an address you can read, in plain Latin letters."))
        return address.lower()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        mistyped.ask(self, "email", data.get("email", ""))
        return data


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    """Looks nothing up: it writes one row, and the sweep does the rest, so that its answer tells nothing."""

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **_kwargs: Any) -> str:
        address = str(self.cleaned_data["email"])
        password_reset.note_reset_request(address, network=origin_of(request).network)
        return address


class UserTokenForm(allauth_forms.UserTokenForm):
    """A mailed key opens nothing for an account that may not sign in."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call]
        if self.reset_user is None or not self.reset_user.may_sign_in:
            raise get_adapter().validation_error("invalid_password_reset")
        return cleaned


class CodeForm(forms.Form):
    """A code of an authenticator app, or a recovery code; spaces, case and dashes do not matter (codes.squeeze)."""

    code = forms.CharField(
        label=_("Code"),
        max_length=100,
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class TotpForm(CodeForm):
    """The first code of a new authenticator app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.help_text = _("Six digits, as your authenticator app shows them now.")
        field.widget.attrs |= {"inputmode": "numeric", "autofocus": self.is_bound}  # first comes what is to be scanned


class RecoveryCodeForm(CodeForm):
    """One of the recovery codes just shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = _("One of your codes")
        field.help_text = _("Type one of the codes that you saved. You can still use it later.")
        field.widget.attrs |= {"autocomplete": "off", "autofocus": self.is_bound}  # first come the codes to save


class DeviceNameForm(forms.Form):
    """What the owner calls an authenticator app or a security key."""

    name = forms.CharField(label=_("Name"), max_length=64)


class ProfileForm(forms.ModelForm[User]):
    """How pages and mails speak to the owner."""

    time_zone = TimeZoneField(
        label=_("Time zone"),
        max_length=64,
        help_text=_("A city of your time zone, like Berlin, or its name, like Europe/Berlin."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = User
        fields = ("language", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class DeleteForm(forms.Form):
    """The username, typed, so that nobody deletes an account by a slip."""

    username = forms.CharField(
        label=_("Your username"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_username(self) -> str:
        typed = str(self.cleaned_data["username"]).strip()
        if typed.lower() != self.user.username.lower():
            raise forms.ValidationError(_("This is not the username of this account."))
        return typed


class ReasonForm(forms.Form):
    """Why staff freeze or unfreeze an account."""

    reason = forms.CharField(label=_("Reason"), min_length=10, max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class AppNameForm(forms.Form):
    """What the owner calls a new authenticator app."""

    name = forms.CharField(
        label=_("Name of this app"),
        max_length=64,
        initial=_("Authenticator app"),
        help_text=_("A name to tell your devices apart, for example “phone”."),
    )
