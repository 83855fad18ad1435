"""An account's name as people write it: in quotes or backticks, with an @, as an address, as their profile page.

One function, `read`, says what was meant, for the public form, for intake, for commands and for the desk. It looks at
the text alone, so that its answer tells nobody which accounts there are (design rule 10).
"""

import re
import unicodedata
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts import addresses, usernames
from accounts.models import User

LONGEST = 500  # characters; the address of a profile page is longer than a name
LONGEST_ADDRESS = 254  # RFC 5321
WRAPPING = " \t\r\n`'\"´*<>()[]{}«»‹›‘’‚‛“”„‟,;:.!?"  # no name and no address begins or ends with one of these
MENTION = "@~"
PROFILES = ("user", "users", "u", "profile", "profiles", "people")  # folders of profile pages
INVISIBLE = "Cf"  # the category of zero-width characters, byte-order marks, marks of direction
PORTS = {"https": 443, "http": 80}


class NoName(ValueError):
    """No username looks like this, no address, and no profile page of this site."""


def read(typed: str) -> str:
    """The username or address that was meant. Raises NoName for what can be neither."""
    text = _bare(typed[: LONGEST + 1])
    if "/" in text:
        text = _bare(_of_profile(text))
    if "@" in text:
        text = text.lower()
    if len(text) > LONGEST or not (_is_username(text) or _is_address(text)):
        raise NoName(text)
    return text


def find(typed: str) -> User | None:
    """The account that was meant: by its name in any case, or by an address that it has verified."""
    try:
        name = read(typed)
    except NoName:
        return None
    return addresses.owner_of(name) if "@" in name else User.objects.with_username(name).first()


def _bare(typed: str) -> str:
    """Without what is wrapped around a name, in the letters it is registered in (NFKC)."""
    text = unicodedata.normalize("NFKC", typed)
    text = "".join(letter for letter in text if unicodedata.category(letter) != INVISIBLE)
    before = ""
    while before != text:
        before = text
        text = re.sub(r"^mailto:", "", text.strip(WRAPPING), flags=re.IGNORECASE).lstrip(MENTION)
    return text


def _is_username(text: str) -> bool:
    return len(text) <= usernames.MAX_LENGTH and bool(usernames.PATTERN.match(text))


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return text.isascii() and len(text) <= LONGEST_ADDRESS


def _of_profile(text: str) -> str:
    """The last part of a profile page's address; raises NoName for pages of other sites and other pages of ours."""
    page = _split(text)
    below = _segments(page)
    for start in map(_split, (settings.BASE_URL, *settings.RECOVERY_PROFILE_URLS)):
        if _origin(start) != _origin(page):
            continue
        folder = _segments(start)
        if folder and below[: len(folder)] == folder and len(below) > len(folder):
            return below[len(folder)]
        if not folder and (name := _in_any_folder(below)):
            return name
    raise NoName(text)


def _in_any_folder(below: list[str]) -> str:
    """/user/ada, /@ada and /~ada; "" for another page."""
    if len(below) > 1 and below[0].lower() in PROFILES:
        return below[1]
    return below[0] if below and below[0][0] in MENTION else ""


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text if "://" in text else f"https://{text}")
    except ValueError as error:
        raise NoName(text) from error


def _origin(url: SplitResult) -> tuple[str, int | None]:
    """Host and port; what stands before an @ is part of it, so that no other site looks like ours."""
    try:
        port = url.port or PORTS.get(url.scheme)
    except ValueError as error:
        raise NoName(url.geturl()) from error
    user, at, _host = url.netloc.rpartition("@")
    return f"{user}{at}{url.hostname or ''}", None if port in PORTS.values() else port


def _segments(url: SplitResult) -> list[str]:
    return [unquote(one) for one in url.path.split("/") if one]
