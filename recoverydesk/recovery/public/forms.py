"""What people may type on the public pages."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import usernames
from accounts.models import User
from recoverydesk.recovery.evidence import contacts
from recoverydesk.recovery.models import Claim, OtherProof


class RecoverForm(forms.Form):
    """A request to be let back in. Nothing typed here says whether an account exists."""

    username = forms.CharField(
        label=_("Username"),
        max_length=usernames.MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    claim = forms.ChoiceField(
        label=_("What did you lose?"),
        choices=[
            (Claim.SECOND_FACTOR.value, _("My authenticator app or security key")),
            (Claim.EMAIL.value, _("My e-mail address: I cannot read it any more")),
            (Claim.EMAIL_AND_SECOND_FACTOR.value, _("Both: the address and the second factor")),
            (Claim.UNVERIFIED_EMAIL.value, _("Nothing, but the address of the account was never verified")),
        ],
        initial=Claim.SECOND_FACTOR.value,
        widget=forms.RadioSelect,
    )
    codes = forms.ChoiceField(
        label=_("And your recovery codes?"),
        choices=[("lost", _("Lost, or never saved")), ("have", _("I still have some"))],
        widget=forms.RadioSelect,
    )

    contact = forms.CharField(
        label=_("An address you can read now"),
        required=False,
        max_length=254,
        help_text=_("Only when you lost your address, or it was never verified. Otherwise we use the one on file."),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """Only the shape is looked at: whether the account knows the address is for nobody to see."""
        data = super().clean() or {}
        needs = data.get("claim") not in (None, Claim.SECOND_FACTOR.value)
        data["contact"] = contacts.plain(data.get("contact") or "") if needs else ""
        if needs and not contacts.is_plain(data["contact"]):
            self.add_error("contact", _("Give an address you can read, in plain Latin letters."))
        return data

    def clean_codes(self) -> str:
        codes: str = self.cleaned_data["codes"]
        if codes == "have" and self.cleaned_data.get("claim") == Claim.SECOND_FACTOR:
            raise ValidationError(
                _("Good: sign in with your password and one of these codes. You need no recovery request.")
            )
        return codes


class ChoosePasswordForm(forms.Form):
    """A new password after a reset, opened with the return code."""

    code = forms.CharField(
        label=_("Return code"),
        required=False,
        max_length=100,
        help_text=_("The code the recovery page showed you once."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("New password"),
        max_length=4096,
        strip=False,
        help_text=_("At least 10 characters, not a common one, and not like your username."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("New password, again"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if needs_code:
            self.fields["code"].required = True
        else:
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        password = data.get("password")
        if password and data.get("again") and password != data["again"]:
            self.add_error("again", _("The two passwords are not the same."))
        elif password:
            self._validate(password)
        return data

    def _validate(self, password: str) -> None:
        try:
            password_validation.validate_password(password, self.user)
        except ValidationError as error:
            self.add_error("password", error)


class ProofForm(forms.Form):
    """Something bound to the account, typed by the claimant."""

    kind = forms.ChoiceField(
        label=_("What do you still have?"),
        choices=[
            (OtherProof.Kind.PASSWORD.value, _("The password of the account")),
            (OtherProof.Kind.API_TOKEN.value, _("An API token of the account")),
            (OtherProof.Kind.FACTOR.value, _("A code of an authenticator app, or a recovery code")),
            (OtherProof.Kind.DEVICE.value, _("I am signed in in this browser")),
        ],
        widget=forms.RadioSelect,
    )
    secret = forms.CharField(
        label=_("The password, token or code"),
        required=False,
        max_length=4096,
        strip=False,
        help_text=_("Nothing to type for a signed-in browser. Five wrong tries, then none counts."),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
