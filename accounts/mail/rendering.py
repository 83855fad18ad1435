"""From a row to the words of a mail. One text; the HTML twin is made from it, so the two cannot drift apart."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils import translation
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts import hooks
from accounts.mail import links
from accounts.mail.models import PAYLOAD, Link, Mail
from common import keys

MASK = "•••"
WEB_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]")


class TextGone(LookupError):
    """A prepared mail was sent and its text wiped; only `masked` rendering is left."""


@dataclass(frozen=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(mail: Mail, *, masked: bool = False) -> Rendered:
    """Return the words of a mail in its own language, the same every time.

    Templates are `emails/<kind>/subject.txt`, which sees `site_name` and `number` (the ticket's) and nothing else, so
    that no user's text reaches a header, and `emails/<kind>/body.txt`, which also sees `base_url`, the mail's
    context, `links.<name>` (absolute URLs) and the values of the hook `mail_secrets` by name. Neither is escaped.
    `masked` (for staff) puts dots for every link and secret. Raises TextGone for a prepared mail after sending.
    """
    with translation.override(mail.language):
        subject, text = _prepared(mail, masked) if _is_prepared(mail) else _from_templates(mail, masked)
        page = get_template("emails/body.html").render({"subject": subject, "paragraphs": _paragraphs(text)})
    return Rendered(subject, text, page)


def subject_of(mail: Mail) -> str:
    """The subject of a mail made from templates, in its own language: what its reader sees in the inbox."""
    with translation.override(mail.language):
        return _fill(f"emails/{mail.kind}/subject.txt", _header(mail))


def pack(subject: str, text: str) -> bytes:
    """Encrypt the words of a prepared mail for its row."""
    return keys.encrypt(PAYLOAD, json.dumps([subject, text]).encode())


def _is_prepared(mail: Mail) -> bool:
    return mail.payload is not None or mail.context == {"prepared": True}


def _prepared(mail: Mail, masked: bool) -> tuple[str, str]:
    if masked:
        return MASK, MASK
    if mail.payload is None:
        raise TextGone(mail.pk)
    subject, text = json.loads(keys.decrypt(PAYLOAD, mail.payload))
    return subject, text


def _from_templates(mail: Mail, masked: bool) -> tuple[str, str]:
    header = _header(mail)
    values = header | {"base_url": settings.BASE_URL} | mail.context | _secrets(mail, masked)
    values |= {"links": _urls(mail, masked), "takes_answers": bool(hooks.reply_to(mail))}
    return _fill(f"emails/{mail.kind}/subject.txt", header), _fill(f"emails/{mail.kind}/body.txt", values) + "\n"


def _header(mail: Mail) -> dict[str, object]:
    return {"site_name": settings.SITE_NAME, "number": mail.ticket or ""}


def _fill(name: str, values: Mapping[str, Any]) -> str:
    """Fill in a plain-text template: nothing is escaped, runs of empty lines become one."""
    template = get_template(name).template  # type: ignore[attr-defined]
    text = template.render(Context(dict(values), autoescape=False))
    return re.sub(r"\n\s*\n+", "\n\n", text).strip()


def _urls(mail: Mail, masked: bool) -> dict[str, str]:
    if masked:
        return dict.fromkeys(mail.links, MASK)
    rows = Link.objects.in_bulk(mail.links.values())
    return {name: links.url(rows[pk]) for name, pk in mail.links.items()}


def _secrets(mail: Mail, masked: bool) -> dict[str, str]:
    values = hooks.mail_secrets(mail)
    return dict.fromkeys(values, MASK) if masked else values


def _paragraphs(text: str) -> list[SafeString]:
    """Escape the text and make addresses of this site clickable, and only those.

    Names of devices and tokens, links of projects and replies of staff get into mails: none of their words is a link.
    """
    return [_with_links(paragraph) for paragraph in text.strip("\n").split("\n\n")]


def web_addresses(text: str) -> list[str]:
    """The web addresses a text holds, in its order."""
    return WEB_ADDRESS.findall(text)


def is_of_site(address: str) -> bool:
    """Whether this web address leads to this site: BASE_URL (scheme, host and port) and what follows a host."""
    rest = address.removeprefix(settings.BASE_URL)
    return rest != address and rest[:1] in ("", "/", "?", "#")


def _with_links(paragraph: str) -> SafeString:
    pieces, end = [], 0
    for found in WEB_ADDRESS.finditer(paragraph):
        if not is_of_site(found[0]):
            continue
        pieces += [conditional_escape(paragraph[end : found.start()])]
        pieces += [format_html('<a href="{0}">{0}</a>', found[0])]
        end = found.end()
    return mark_safe("".join([*pieces, conditional_escape(paragraph[end:])]))  # noqa: S308 - every piece is escaped
