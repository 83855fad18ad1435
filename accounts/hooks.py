"""Questions accounts asks of the rooms above it, through the functions named in settings.ACCOUNTS_HOOKS.

A hook that is not set has a harmless answer, so that this room works alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django_otp.models import Device

if TYPE_CHECKING:
    from accounts.mail.models import Mail
    from accounts.models import User


@dataclass(frozen=True)
class Banner:
    """A line above every page: `text`, and a link labelled `label` where there is something to do."""

    text: str
    url: str = ""
    label: str = ""


def _ask(name: str, default: Any, *args: Any) -> Any:
    path = settings.ACCOUNTS_HOOKS.get(name)
    if not path:
        return default
    return cast(Callable[..., Any], import_string(path))(*args)


def may_change_address(user: "User") -> str:
    """Why this account's addresses may not change now; empty when they may."""
    return cast(str, _ask("may_change_address", "", user))


def may_delete_account(user: "User") -> str:
    """Why this account may not be deleted now; empty when it may."""
    return cast(str, _ask("may_delete_account", "", user))


def must_have_second_factor(user: "User") -> bool:
    """Whether this account may not be without a second factor, whatever the settings say (staff, by default)."""
    return cast(bool, _ask("must_have_second_factor", user.is_staff, user))


def owns_projects(user: "User") -> bool:
    """Whether this account has a role in a project."""
    return cast(bool, _ask("owns_projects", False, user))


def co_owns(actor: "User", user: "User") -> bool:
    """Whether this member of staff has an interest of their own in the account, such as a project in common."""
    return cast(bool, _ask("co_owns", False, actor, user))


def holds_anything(user: "User") -> bool:
    """Whether the rooms above know anything of this account: a role, an invitation, a token, a ticket."""
    return cast(bool, _ask("holds_anything", False, user))


def account_deleted(user: "User") -> None:
    """Take away what the rooms above gave the account: roles, tokens. In the transaction of the deletion."""
    _ask("account_deleted", None, user)


def signed_in(request: HttpRequest, user: "User", device: Device | None) -> HttpResponse | None:
    """Tell of a completed sign-in; an answer replaces the page that would follow."""
    return cast("HttpResponse | None", _ask("signed_in", None, request, user, device))


def alarm(user: "User", recipients: list[str]) -> dict[str, int]:
    """A second factor was added or a recovery code used. Tell the rooms above; in the transaction of the change.

    The answer is a link (its id, by address) that stops what the change speaks against, for the notice.
    """
    return cast(dict[str, int], _ask("alarm", {}, user, recipients))


def password_link(user: "User") -> bool:
    """True when the hook has queued the choose-password mail of a completed recovery itself: send no other."""
    return cast(bool, _ask("password_link", False, user))


def banners(request: HttpRequest) -> list[Banner]:
    """What stands above every page of this visitor."""
    return cast(list[Banner], _ask("banners", [], request))


def mail_secrets(mail: "Mail") -> dict[str, str]:
    """Values for a mail's template that no table may hold, such as the branch token."""
    return cast(dict[str, str], _ask("mail_secrets", {}, mail))


def reply_to(mail: "Mail") -> str:
    """The address that answers to this mail go to; empty where nobody reads them."""
    return cast(str, _ask("reply_to", "", mail))


def envelope_sender(mail: "Mail") -> str:
    """The address this mail is returned to when it cannot be delivered; empty: the sender's own."""
    return cast(str, _ask("envelope_sender", "", mail))
