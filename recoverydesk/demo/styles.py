"""What the page of styles shows: every colour, badge, icon and page of an error, by itself from where they are made."""

import re
from pathlib import Path

from django import forms
from django.contrib.staticfiles import finders
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

COLOUR = re.compile(r"--ui-([\w-]+): light-dark\(")
BADGES = {
    "": _("primary"),
    "well": _("verified"),
    "flag": _("not verified"),
    "bad": _("Failed"),
    "here": _("this browser"),
    "turn-clock": _("Waiting period"),
    "calm": _("expired"),
}
BUTTONS = {
    "": _("Save"),
    "secondary outline": _("Cancel"),
    "danger": _("Delete my account"),
    "danger outline": _("Remove"),
}
DESK_BUTTONS = {
    "primary-button": _("Save"),
    "": _("Cancel"),
    "primary-button danger": _("Delete my account"),
    "danger": _("Remove"),
}
NOTICES = ("", "success", "warning", "error")
ERRORS = ("400", "403", "403_csrf", "404", "405", "429", "500", "unknown")


class SampleForm(forms.Form):
    """A field of each kind, with and without help; `SAMPLE` leaves one of them wrong."""

    name = forms.CharField(label=_("Name"), help_text=_("Where you will use it, for example “release workflow”."))
    days = forms.IntegerField(label=_("Days until it ends"), max_value=365)
    scope = forms.ChoiceField(label=_("What it is for"), choices=[("", _("Choose a project"))], required=False)
    kind = forms.ChoiceField(
        label=_("Show"), choices=[("all", _("Everything")), ("none", _("None"))], widget=forms.RadioSelect
    )
    only_newer = forms.BooleanField(label=_("Only newer versions"), required=False)
    fixed = forms.CharField(label=_("Username"), disabled=True, required=False, initial="ada")


SAMPLE = {"name": "release workflow", "days": "1000", "kind": "all"}


def colours() -> list[str]:
    """The names of all colours, as the stylesheet has them."""
    return COLOUR.findall(Path(str(finders.find("accounts/design.css"))).read_text())


def error_page(request: HttpRequest, name: str) -> str:
    """The page of this error, as whoever looks would see it."""
    sentence = _("That was too often. Try again in %(span)s, at %(time)s.") % {"span": "42 s", "time": "14:02:07 UTC"}
    return render_to_string(f"{name}.html", {"sentence": sentence, "changing": True, "back": "/"}, request)
