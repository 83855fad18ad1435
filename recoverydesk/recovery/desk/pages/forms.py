"""Forms of the desk's few editable rows."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recoverydesk.recovery.desk import replies
from recoverydesk.recovery.models import ReplyTemplate


class ReplyTemplateForm(forms.ModelForm[ReplyTemplate]):
    """A canned reply: every field it names must be one a ticket can fill in, and no secret may stand in it."""

    situation = forms.ChoiceField(
        label=gettext_lazy("Suggest this reply when"),
        required=False,
        choices=[("", gettext_lazy("never automatically")), *replies.SITUATIONS.items()],
    )

    class Meta:
        model = ReplyTemplate
        fields = ("name", "situation", "body", "active")
        widgets = {"body": forms.Textarea(attrs={"rows": 14, "cols": 80})}
        help_texts = {
            "body": format_lazy(
                "{said} {fields}",
                said=gettext_lazy("Plain text. We replace these fields with the values of the ticket:"),
                fields=", ".join(f"{{{{{name}}}}}" for name in replies.FIELDS).replace("{{", "{").replace("}}", "}"),
            )
        }

    def clean_body(self) -> Any:
        body = self.cleaned_data["body"]
        if unknown := replies.unknown_fields(body):
            raise ValidationError(_("The field %(names)s does not exist.") % {"names": ", ".join(unknown)})
        if replies.SECRETS.search(body):
            raise ValidationError(_("A canned reply must not contain a branch name or a personal link."))
        return body
