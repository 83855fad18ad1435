"""What people may type on the public pages."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts import mistyped
from accounts.forms import AccountNameField
from accounts.models import User
from recoverydesk.recovery.evidence import contacts
from recoverydesk.recovery.evidence.claims import Lost
from recoverydesk.recovery.models import OtherProof

NAME_NEEDED = gettext_noop(
    "Type your username, not an e-mail address. We need the username to change the address of its account. "
    "The pages of your projects show it."
)


class RecoverForm(forms.Form):
    """A request to be let back in. Nothing typed here says whether an account exists."""

    username = AccountNameField(label=_("Username or e-mail address"))
    claim = forms.ChoiceField(
        label=_("What can you no longer do?"),
        choices=Lost.choices,
        initial=Lost.CODES.value,
        widget=forms.RadioSelect,
    )
    codes = forms.ChoiceField(
        label=_("Do you still have recovery codes?"),
        choices=[("lost", _("No: lost, or never saved")), ("have", _("Yes, I still have some"))],
        widget=forms.RadioSelect,
    )

    contact = forms.CharField(
        label=_("An address you can read now"),
        required=False,
        max_length=254,
        help_text=_(
            "Can you read the mail of the account? Then leave this empty. We can change the address only if "
            "a release of the account links to a repository of yours."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """Only the shape is looked at: whether the account knows the address is for nobody to see."""
        data = super().clean() or {}
        needs = data.get("claim") not in (None, Lost.CODES)
        name, contact = data.get("username", ""), contacts.plain(data.get("contact") or "") if needs else ""
        data["contact"] = contact
        if needs and not contacts.is_plain(contact):
            self.add_error("contact", _("Give an address you can read, in plain Latin letters."))
        mistyped.ask(self, "contact", contact)
        if needs and "@" in name and name != contact:
            self.add_error("username", _(NAME_NEEDED))
        return data

    def clean_codes(self) -> str:
        codes: str = self.cleaned_data["codes"]
        if codes == "have" and self.cleaned_data.get("claim") == Lost.CODES:
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
        help_text=_("The code that your status page showed you once."),
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
        help_text=_(
            "If you are signed in here, leave this empty. After five wrong tries, you cannot send any more proof."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
