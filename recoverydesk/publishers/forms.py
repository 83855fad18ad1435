"""What an owner says of a workflow, per issuer: the fields that its kind of issuer compares."""

import re
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from recoverydesk.projects import names
from recoverydesk.publishers.issuers import GITHUB, GITLAB, OTHER, Issuer
from recoverydesk.publishers.shapes import Workflow

PRINTABLE = RegexValidator(r"\A[^\x00-\x1f\x7f\u2028\u2029]*\Z", _("Leave out line breaks and control characters."))
PATHS = {
    GITHUB: re.compile(r"[A-Za-z0-9_-]{1,39}/[A-Za-z0-9._-]{1,100}"),
    GITLAB: re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){1,20}"),
}
FILES = {
    GITHUB: re.compile(r"[^/\s@][^/\s]*\.ya?ml"),
    GITLAB: re.compile(r"[^/\s][^\s]*\.ya?ml"),
}
PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class PublisherForm(forms.Form):
    """One workflow of one issuer. `workflow` is what was said, for the verbs."""

    issuer = forms.CharField(widget=forms.HiddenInput, max_length=200)

    def __init__(self, *args: Any, issuer: Issuer, new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.of = issuer
        self.fields["issuer"].initial = issuer.url
        if new:
            self.fields["project"] = _line(_("Name of the new project"), names.MAX_LENGTH)
        if issuer.kind == OTHER:
            for name in issuer.claims:
                self.fields[f"claim_{name}"] = _line(name, 500)
            return
        self.fields["repository"] = _line(_("Repository"), 500, _("Its owner and name, for example ada/spam."))
        example = _("For example release.yml.") if issuer.kind == GITHUB else _("For example .gitlab-ci.yml.")
        self.fields["workflow"] = _line(_("Workflow file"), 255, example)
        self.fields["environment"] = _line(
            _("Environment"),
            255,
            _(
                "Enter an environment in which a person approves each "
                "run. If you leave this empty, every environment may "
                "publish."
            ),
            required=False,
        )

    def clean_issuer(self) -> str:
        return self.of.url

    def clean_repository(self) -> str:
        """Owner and name; the whole address of a repository is read, too."""
        text = str(self.cleaned_data["repository"])
        text = text.removeprefix("https://").removeprefix(f"{self.of.place}/").removesuffix("/").removesuffix(".git")
        if not PATHS[self.of.kind].fullmatch(text):
            raise forms.ValidationError(_("Write the owner, a slash and the name of the repository: ada/spam."))
        return text

    def clean_workflow(self) -> str:
        """The file alone at GitHub, where it must lie in one folder; the path in the project at GitLab."""
        text = str(self.cleaned_data["workflow"]).removeprefix(".github/workflows/" if self.of.kind == GITHUB else "/")
        if not FILES[self.of.kind].fullmatch(text):
            raise forms.ValidationError(_("Write the name of a file that ends with .yml or .yaml."))
        return text

    @property
    def workflow(self) -> Workflow:
        """What must match, of a form that is valid."""
        said = self.cleaned_data
        return Workflow(
            said.get("repository", ""),
            said.get("workflow", ""),
            said.get("environment", ""),
            claims=tuple((name, said[f"claim_{name}"]) for name in self.of.claims),
        )


def _line(label: Any, most: int, help_text: Any = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, help_text=help_text, required=required, validators=[PRINTABLE],
        widget=forms.TextInput(attrs=PLAIN),
    )  # fmt: skip
