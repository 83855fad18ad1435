"""The form of the page that makes a token."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _

from tokens.caveats import Project

DEFAULT_DAYS = 90
WHOLE_ACCOUNT = "account"


class TokenForm(forms.Form):
    """Name, scope, days until the end (empty: none, where policy allows), and two ways to narrow it further."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        validators=[ProhibitNullCharactersValidator()],
        help_text=_("Where you will use it, for example “release workflow”."),
    )
    scope = forms.ChoiceField(
        label=_("What it is for"), error_messages={"required": _("Choose a project, or all of them.")}
    )
    days = forms.IntegerField(label=_("Days until it ends"), min_value=1, initial=DEFAULT_DAYS)
    only_newer = forms.BooleanField(
        label=_("Only newer versions"),
        required=False,
        help_text=_(
            "With this token, a program can publish final releases and post-releases that "
            "are newer than the newest one. For 24 hours, it can add files to such a release."
        ),
    )

    only_read = forms.BooleanField(
        label=_("Only install"),
        required=False,
        help_text=_("The token cannot upload. If you choose all projects, it can install all projects of this site."),
    )

    def __init__(self, *args: Any, projects: Sequence[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.projects = {str(project.uid): project for project in projects}
        self._offer_scopes()
        self._limit_days()

    def _offer_scopes(self) -> None:
        """One project is what a token is for: chosen already where there is one, and the whole account stands last."""
        scope = self.fields["scope"]
        assert isinstance(scope, forms.ChoiceField)
        names = [(uid, project.name) for uid, project in self.projects.items()]
        several = [("", _("Choose a project"))] if len(names) > 1 else []
        scope.choices = [*several, *names, (WHOLE_ACCOUNT, _("every project of yours, and new ones"))]

    def _limit_days(self) -> None:
        days = self.fields["days"]
        assert isinstance(days, forms.IntegerField)
        days.max_value = settings.TOKEN_MAX_DAYS
        days.validators.append(forms.IntegerField(max_value=settings.TOKEN_MAX_DAYS).validators[-1])
        days.widget.attrs["max"] = settings.TOKEN_MAX_DAYS
        days.initial = min(DEFAULT_DAYS, settings.TOKEN_MAX_DAYS)
        days.required = not settings.TOKEN_WITHOUT_EXPIRY
        if settings.TOKEN_WITHOUT_EXPIRY:
            days.help_text = _("Leave empty for a token that does not end.")

    @property
    def project(self) -> Project | None:
        """The chosen project; None for the whole account."""
        return self.projects.get(self.cleaned_data["scope"])

    @property
    def lifetime(self) -> timedelta | None:
        """How long the token lasts; None for ever."""
        days = self.cleaned_data["days"]
        return timedelta(days=days) if days else None
