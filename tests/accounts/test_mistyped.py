"""A slip in a big provider's domain is told from what is right; the forms are in test_mistyped_forms.py."""

import pytest

from accounts import mistyped

SLIPS = {
    "gmail.com": ("gmai.com", "gmial.com", "gmal.com", "gmail.con", "gmail.co", "gmaill.com", "gnail.com", "gmail.cm"),
    "hotmail.com": ("hotmial.com", "hotmai.com", "hotmail.con", "hotmaill.com", "hormail.com"),
    "yahoo.com": ("yaho.com", "yahooo.com", "yhaoo.com", "yahoo.con"),
    "outlook.com": ("outlok.com", "outloook.com", "outlook.con"),
    "icloud.com": ("iclod.com", "icloud.con", "iclould.com"),
    "protonmail.com": ("protonmial.com", "protonmail.con"),
}
RIGHT = (
    "example.org", "new.example", "localhost", "mail.com", "gmx.de", "gmx.net", "web.de", "me.com", "aol.com", "qq.com",
    "163.com", "live.com", "hey.com", "yahoo.co.uk", "yahoo.fr", "hotmail.fr", "hotmail.co.uk", "outlook.com.br",
    "outlook.pt", "email.com", "fastmail.fm", "protonmail.ch", "pm.me", "mail.ru", "gmail.example.com", "free.fr",
    "python.org", "github.com", "gitlab.com", "microsoft.com", "google.com", "apache.org", "debian.org", "ethz.ch",
    "university.edu", "posteo.net", "riseup.net", "disroot.org", "hotelmail.example", "users.noreply.github.com",
)  # fmt: skip


@pytest.mark.parametrize(("meant", "typed"), [(meant, typed) for meant, slips in SLIPS.items() for typed in slips])
def test_a_slip_is_asked_about(meant: str, typed: str) -> None:
    assert mistyped.suggestion(f"ada@{typed}") == f"ada@{meant}"
    assert mistyped.suggestion(f"ada@{typed.upper()}") == f"ada@{meant}"


@pytest.mark.parametrize("domain", [*RIGHT, *mistyped.PROVIDERS, *mistyped.ALSO_RIGHT])
def test_what_is_right_is_not_asked_about(domain: str) -> None:
    assert mistyped.suggestion(f"ada@{domain}") == ""


@pytest.mark.parametrize("typed", ["", "ada", "@", "ada@", "@gmai", "a@b@", "ada@.", "ada@yahoo", "ada@gmail.com."])
def test_what_is_no_address_breaks_nothing(typed: str) -> None:
    assert isinstance(mistyped.suggestion(typed), str)
