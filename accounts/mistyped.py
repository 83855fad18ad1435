"""An address whose domain looks like a slip for a big mail provider: `gmai.com` is asked about before mail goes there.

It looks at the text alone. The person can say that the address is right.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from django import forms
from django.utils.translation import gettext as _

RIGHT = "address_is_right"
CLOSE = 0.86  # of difflib's ratio: one letter wrong, missing, doubled or swapped, in nine
SHORTEST = 9  # letters of a domain that can be meant: with fewer, one letter leads to another real one
PROVIDERS = (
    "gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "rocketmail.com", "hotmail.com", "outlook.com",
    "icloud.com", "protonmail.com", "proton.me", "fastmail.com", "tutanota.com", "mailbox.org", "posteo.de",
    "t-online.de", "freenet.de", "comcast.net", "verizon.net", "btinternet.com", "wanadoo.fr", "laposte.net",
    "orange.fr", "libero.it", "seznam.cz", "foxmail.com", "naver.com", "hanmail.net", "rediffmail.com", "yandex.com",
    "yandex.ru", "rambler.ru", "uol.com.br", "bol.com.br", "terra.com.br",
)  # fmt: skip
ALSO_RIGHT = (
    "mail.com", "email.com", "fastmail.fm", "protonmail.ch", "tutamail.com", "hushmail.com", "inbox.com",
    "myyahoo.com",
)  # fmt: skip
IN_MANY_COUNTRIES = ("yahoo", "hotmail", "outlook", "live", "gmx", "yandex", "wanadoo", "orange", "terra", "libero")
MEANT = [domain for domain in PROVIDERS if len(domain) >= SHORTEST]


def suggestion(address: str) -> str:
    """The address that was probably meant; "" for one that looks right."""
    local, at, domain = address.strip().rpartition("@")
    domain = domain.lower()
    if not at or domain in PROVIDERS or domain in ALSO_RIGHT or _of_a_country(domain):
        return ""
    found = get_close_matches(domain, MEANT, n=1, cutoff=CLOSE)
    return f"{local}@{found[0]}" if found else ""


def _of_a_country(domain: str) -> bool:
    """hotmail.fr, yahoo.co.uk, outlook.com.br."""
    name, *rest = domain.split(".")
    return name in IN_MANY_COUNTRIES and bool(rest) and len(rest[-1]) == 2 and rest[:-1] in ([], ["co"], ["com"])


def ask(form: forms.Form, field: str, address: str) -> None:
    """Ask about a domain that looks mistyped: an error at the field, and a box that says the address is right.

    The box belongs to the address it was ticked for: another one is asked about again.
    """
    meant = suggestion(address)
    if not meant or form.data.get(form.add_prefix(RIGHT)) == address:
        return
    form.data = _without(form.data, form.add_prefix(RIGHT))
    label = _("Yes, %(address)s is right") % {"address": address}
    widget = forms.CheckboxInput(attrs={"value": address})
    form.fields[RIGHT] = forms.BooleanField(label=label, required=False, widget=widget)
    form.order_fields(_after(list(form.fields), field))
    form.add_error(field, _("Did you mean %(meant)s? Correct the address, or tick the box below.") % {"meant": meant})


def _without(data: Any, name: str) -> Any:
    kept = data.copy()
    kept.pop(name, None)
    return kept


def _after(names: Sequence[str], field: str) -> list[str]:
    rest = [name for name in names if name != RIGHT]
    place = rest.index(field) + 1
    return [*rest[:place], RIGHT, *rest[place:]]
