"""No page, mail or message of an account speaks with the words of a library."""

import re
from collections.abc import Iterator
from pathlib import Path

import allauth.account
import pytest
from django.template.loader import get_template, select_template
from django.urls import URLPattern, URLResolver, get_resolver

THEIRS = Path(allauth.account.__file__).parents[1] / "templates"
MAILS = "account/email"
UNUSED = re.compile(r"code|phone|notification|base_message")  # ways of signing in that the site does not have
NEVER_MAILED = {
    "account/email/unknown_account_message.txt": "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS is off",
    "account/email/unknown_account_subject.txt": "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS is off",
    **{
        f"account/email/{kind}_{part}.txt": "ACCOUNT_EMAIL_NOTIFICATIONS is off: a security notice of ours says it"
        for kind in (
            "email_changed",
            "email_confirm",
            "email_deleted",
            "password_changed",
            "password_reset",
            "password_set",
        )
        for part in ("message", "subject")
    },
}


def texts() -> list[str]:
    """Every mail and every message that allauth can send or show."""
    found = [path for folder in (MAILS, "account/messages") for path in (THEIRS / folder).glob("*.txt")]
    return sorted(str(path.relative_to(THEIRS)) for path in found if not UNUSED.search(path.name))


def account_views(urls: list[URLPattern | URLResolver]) -> Iterator[type]:
    for one in urls:
        if isinstance(one, URLResolver):
            yield from account_views(one.url_patterns)
        elif view := getattr(one.callback, "view_class", None):
            yield view


def origin(names: list[str]) -> Path:
    return Path(str(select_template(names).template.origin.name))


@pytest.mark.parametrize("name", texts())
def test_each_mail_and_message_is_ours(name: str) -> None:
    if name in NEVER_MAILED:
        assert THEIRS in Path(get_template(name).template.origin.name).parents, f"{name}: is it mailed after all?"  # type: ignore[attr-defined]
    else:
        assert THEIRS not in origin([name]).parents, f"{name} is allauth's"


def test_each_page_is_ours() -> None:
    found = {
        view
        for view in account_views(get_resolver().url_patterns)
        if view.__module__.startswith(("allauth", "accounts"))
    }
    names = {name for view in found if (name := getattr(view, "template_name", None)) and not UNUSED.search(name)}
    assert len(names) > 10
    assert not {name for name in names if THEIRS in origin([name]).parents}
