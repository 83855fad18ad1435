"""How often a password may be tried, and who gets past a name that strangers have locked (docs/adr/0107).

The account is counted, whatever was typed: its name or any of its addresses, in any case. Three limits:
one browser or network at one account, one network at all accounts, and all unknown browsers together at one account.
The last one a stranger with many networks can keep used up. It does not hold in a browser of the account's own, and a
passkey, or the password with a code, passes it.
"""

import unicodedata

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import known_browsers, throttle, too_often
from accounts.models import User

CHOSEN = "password_chosen"  # in the session: whose password was chosen here by a mailed link
HERE, ANYWHERE = "login_failed", "login_account"


class NameLocked(throttle.TooOften):
    """Too many wrong passwords from anywhere: a password alone does not open this account now."""


def count(request: HttpRequest, user: User | None, login: str) -> None:
    """Count one try at what was typed, before the password is looked at. Raises TooOften, NameLocked."""
    own = own_browser(request, user)
    throttle.count(request, HERE, key=_here(request, user, login, own))
    if own:
        return
    try:
        throttle.count(request, ANYWHERE, key=_name(user, login))
    except throttle.TooOften as often:
        raise NameLocked(often.seconds) from often


def was_right(request: HttpRequest, user: User, login: str) -> None:
    """The password just counted was right: it was no guess."""
    own = own_browser(request, user)
    throttle.give_back(request, HERE, key=_here(request, user, login, own))
    if not own:
        throttle.give_back(request, ANYWHERE, key=_name(user, login))


def own_browser(request: HttpRequest, user: User | None) -> str:
    """What this browser is counted as, if the account has signed in with it, is signed in, or has just chosen its
    password here by a mailed link; "" for a stranger's. The same queries for nobody's account."""
    if digest := known_browsers.known(request, user):
        return digest
    if user is None:
        return ""
    here = (request.user.pk if request.user.is_authenticated else None, request.session.get(CHOSEN))
    return f"account:{user.pk}" if user.pk in here else ""


def let_in(request: HttpRequest, user: User) -> None:
    """Whoever chose this account's password here, by a link from its mailbox, is no stranger to its name."""
    request.session[CHOSEN] = user.pk


def again(often: throttle.TooOften) -> list[str]:
    """What the sign-in page says: the same for every name, whether there is such an account or not."""
    when = too_often.when(often.seconds)
    if not isinstance(often, NameLocked):
        return [_("Too many failed sign-ins. Try again in %(span)s, at %(time)s.") % when]
    locked = _(
        "Too many wrong passwords were typed for this name, perhaps not by you. "
        "Until %(time)s you need two things to sign in: your password, and a code of your "
        "authenticator app or a recovery code."
    )
    return [locked % when, other_ways()]


def other_ways() -> str:
    """How to get past a locked name without a code."""
    return _("No code? Use a passkey, a browser you have signed in with before, or a new password by mail.")


def _here(request: HttpRequest, user: User | None, login: str, own: str) -> str:
    return f"{own or throttle.network(request)}:{_name(user, login)}"


def _name(user: User | None, login: str) -> str:
    return f"account:{user.pk}" if user else f"name:{unicodedata.normalize('NFKC', login).strip().casefold()}"
