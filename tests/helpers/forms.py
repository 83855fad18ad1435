"""The forms a page shows, as a browser would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form: where it is sent to, its filled-in fields, and its submit buttons with a name."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def variants(self) -> list[dict[str, str]]:
        """What is sent for each button; once without any where no button has a name."""
        return [self.fields | {name: value} for name, value in self.buttons] or [self.fields]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.select = ""
        self.area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self.form)
        elif self.form is not None and "disabled" not in given:
            self._control(self.form, tag, given)

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "text" if tag == "input" else "submit")
        if tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in given or self.select not in form.fields):
            form.fields[self.select] = given.get("value", "")
        elif tag == "textarea" and name:
            form.fields[name] = ""
            self.area = name
        elif tag in ("input", "button") and kind in ("submit", "image") and name:
            form.buttons.append((name, given.get("value", "")))
        elif tag == "input" and name and kind == "radio":
            if "checked" in given or name not in form.fields:  # whoever sends the form has chosen one
                form.fields[name] = given.get("value", "")
        elif tag == "input" and name and (kind != "checkbox" or "checked" in given):
            form.fields[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.form is not None and self.area:
            self.form.fields[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""


def forms_of(html: str) -> list[Form]:
    """Every form of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


FORM = {"username": "ada", "claim": "second_factor", "codes": "lost"}
UNKNOWN = "We do not know whether your change was made"
