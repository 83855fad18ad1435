"""Reads settings from environment variables strictly: a value that cannot be used ends the start in one sentence.

The sentence names the setting, what was given (never of a secret) and what may be given. `production.py` holds the
rules that look at several settings at once.
"""

import base64
import binascii
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

KEY_BYTES = 32
MOST_SHOWN = 40  # characters of a wrong value
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
NEED_HOST = ("smtp", "smtps", "smtp+tls", "smtp+ssl", "redis", "rediss", "rediscache", "amqp", "amqps", "sentinel")
GUNICORN_GIVES_UP = 3  # gunicorn starts a worker again and again after any other code
HOST_PATTERN = re.compile(r"\*|\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
T = TypeVar("T")


class WrongSetting(SystemExit):
    """A setting that cannot be used ends the program, whichever it is; the sentence stands on standard error."""

    def __init__(self, sentence: str) -> None:
        super().__init__(GUNICORN_GIVES_UP)
        self.sentence = sentence
        sys.stderr.write(f"{sentence}\n")


def refuse(name: str, wanted: str, given: str = "") -> NoReturn:
    """End the start: `name` and, unless it is secret, `given` are shown beside what is `wanted`."""
    shown = given if len(given) <= MOST_SHOWN else f"{given[:MOST_SHOWN]}…"
    raise WrongSetting(f"{name}={ascii(shown)[1:-1]}: {wanted}" if given else f"{name}: {wanted}")


@dataclass(frozen=True)
class Setting:
    """What was read under a name: its kind and, of a number, its bounds."""

    kind: str
    at_least: int = 0
    at_most: int = 0


class Environment:
    """The environment variables, each read by the method of its type. An empty one counts as not set."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: text for name, text in values.items() if text.strip()}
        self.read: dict[str, Setting] = {}

    def add(self, values: Mapping[str, str]) -> None:
        """Take further values for names that are not set."""
        self._values = {**values, **self._values}

    def has(self, name: str) -> bool:
        """Whether a value was given."""
        return name in self._values

    def text(self, name: str, *, default: str = "", pattern: str = "", wanted: str = "") -> str:
        """Text on one line, of the form `pattern` where one is given (`wanted` says it in words)."""
        self.read[name] = Setting("text")
        text = self._raw(name, default)
        if pattern and text and not re.fullmatch(pattern, text):
            refuse(name, wanted, text)
        return text

    def parsed(self, name: str, parse: Callable[[str], T], *, default: str, wanted: str) -> T:
        """What `parse` makes of a text, "off" being the empty one; its ValueError names the part it does not take."""
        self.read[name] = Setting("text")
        text = self._raw(name, default)
        try:
            return parse("" if text.lower() in OFF else text)
        except ValueError as error:
            refuse(name, wanted, str(error))

    def number(self, name: str, *, default: int, at_least: int, at_most: int, unit: str = "") -> int:
        """A whole number within bounds, written in digits."""
        self.read[name] = Setting("number", at_least, at_most)
        text = self._raw(name, str(default))
        number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else at_least - 1
        if not at_least <= number <= at_most:
            of = f" of {unit}" if unit else ""
            refuse(name, f"give a whole number{of} from {at_least} to {at_most}, for example {default}", text)
        return number

    def seconds(self, name: str, *, default: int, at_least: int, at_most: int) -> timedelta:
        """A length of time written as a whole number of seconds."""
        return timedelta(seconds=self.number(name, default=default, at_least=at_least, at_most=at_most, unit="seconds"))

    def days(self, name: str, *, default: int, at_least: int, at_most: int) -> timedelta:
        """A length of time written as a whole number of days."""
        return timedelta(days=self.number(name, default=default, at_least=at_least, at_most=at_most, unit="days"))

    def flag(self, name: str, *, default: bool) -> bool:
        """A switch: on or off, yes or no, true or false, 1 or 0."""
        self.read[name] = Setting("switch")
        text = self._raw(name, "on" if default else "off")
        if text.lower() not in (*ON, *OFF):
            refuse(name, "give true or false", text)
        return text.lower() in ON

    def one_of(self, name: str, choices: Sequence[str], *, default: str) -> str:
        """One word of `choices`."""
        self.read[name] = Setting("choice")
        word = self._raw(name, default)
        if word not in choices:
            refuse(name, f"give one of {', '.join(choices)}", word)
        return word

    def day(self, name: str) -> date | None:
        """A day written as 2027-01-31; None where it is not set."""
        self.read[name] = Setting("day")
        text = self._raw(name, "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            refuse(name, "give a day like 2027-01-31", text)

    def secret(self, name: str) -> str:
        """Text that is never shown."""
        self.read[name] = Setting("secret")
        return self._raw(name, "")

    def keys(self, name: str, *, most: int = 100) -> list[bytes]:
        """Comma-separated keys of 32 bytes or more, each in url-safe base64; `most` of them."""
        self.read[name] = Setting("secret")
        found = [key_bytes(name, one.strip()) for one in self._raw(name, "").split(",") if one.strip()]
        if len(set(found)) < len(found) or len(found) > most:
            refuse(name, "the same key stands in it twice" if most > 1 else "give one key")
        return found

    def hosts(self, name: str, *, default: str) -> list[str]:
        """Comma-separated host names, without scheme and port."""
        self.read[name] = Setting("text")
        found = [one.strip().lower() for one in self._raw(name, default).split(",") if one.strip()]
        for host in found:
            if not HOST_PATTERN.fullmatch(host):
                refuse(name, "give host names without scheme and port, separated by commas", host)
        return found

    def address(self, name: str, *, default: str) -> str:
        """A sender: desk@example.org, or Desk <desk@example.org>."""
        self.read[name] = Setting("address")
        text = self._raw(name, default)
        try:
            validate_email(parseaddr(text)[1])
        except ValidationError:
            refuse(name, "give a mail address like Desk <desk@example.org>", text)
        return text

    def link(self, name: str, *, default: str) -> str:
        """An http or https address; empty where it is not set."""
        self.read[name] = Setting("link")
        text = self._raw(name, default)
        if text and not re.fullmatch(r"https?://[^\s/?#@]+([/?#]\S*)?", text):
            refuse(name, "give an address that begins with https://", text)
        return text

    def links(self, name: str) -> list[str]:
        """Comma-separated http or https addresses; none where it is not set."""
        self.read[name] = Setting("text")
        found = [one.strip() for one in self._raw(name, "").split(",") if one.strip()]
        for one in found:
            if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", one):
                refuse(name, "give addresses that begin with https://, separated by commas", one)
        return found

    def sink(self, name: str, *, plain_http: bool) -> str:
        """An https address (`plain_http`: or http of this machine), or a command; empty where it is not set."""
        self.read[name] = Setting("service")
        text = self._raw(name, "")
        if re.match(r"https?:", text):
            _check_sink_address(name, text, plain_http)
        elif text:
            _check_command(name, text)
        return text

    def folder(self, name: str, *, default: Path) -> Path:
        """The whole path of a folder: a relative one would be another folder for each program."""
        self.read[name] = Setting("folder")
        text = self._raw(name, str(default))
        if not text.startswith("/"):
            refuse(name, "give the whole path of a folder, for example /var/lib/recoverydesk", text)
        return Path(text)

    def database(self, name: str, schemes: Sequence[str], *, default: str) -> dict[str, Any]:
        """Django's settings of a database, from its address."""
        return self._service(name, schemes, default, environ.Env.db_url_config)

    def cache(self, name: str, schemes: Sequence[str], *, default: str) -> dict[str, Any]:
        """Django's settings of a cache, from its address."""
        return self._service(name, schemes, default, environ.Env.cache_url_config)

    def email(self, name: str, schemes: Sequence[str]) -> dict[str, Any]:
        """Django's settings of a mail server, from its address; nothing where it is not set."""
        if not self.has(name):
            self.read[name] = Setting("service")
            return {}
        return self._service(name, schemes, "", environ.Env.email_url_config)

    def broker(self, name: str, schemes: Sequence[str], *, default: str) -> str:
        """The address of Celery's broker."""
        return self._service(name, schemes, default, str)

    def _service(self, name: str, schemes: Sequence[str], default: str, parse: Callable[[str], T]) -> T:
        """The parsed address of a service. What was given is never shown: it may hold a password."""
        self.read[name] = Setting("service")
        text = self._raw(name, default)
        wanted = f"give an address that begins with {' or '.join(f'{one}://' for one in schemes)}"
        scheme, slashes, _rest = text.partition("://")
        if scheme not in schemes or not slashes:
            refuse(name, wanted)
        try:
            host = urlsplit(text).hostname
            if scheme in NEED_HOST and not host:
                refuse(name, f"no host stands in it; {wanted}")
            return parse(text)
        except (ValueError, KeyError, ImproperlyConfigured):
            refuse(name, f"this address cannot be read; {wanted}")

    def _raw(self, name: str, default: str) -> str:
        text = self._values.get(name, default).strip()
        if not text.isprintable():
            refuse(name, "it holds a line break or another character that cannot be printed")
        return text


SINK = "give an address that begins with https://, or a command that begins with the whole path of a program"


def _check_sink_address(name: str, text: str, plain_http: bool) -> None:
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        refuse(name, f"this address cannot be read; {SINK}")
    if not host or parts.username is not None or " " in text:
        refuse(name, f"it needs a host and no user before it; {SINK}")
    if parts.scheme != "https" and not (plain_http and host == "localhost"):
        refuse(name, SINK)


def _check_command(name: str, text: str) -> None:
    try:
        words = shlex.split(text)
    except ValueError:
        refuse(name, f"its quotes do not match; {SINK}")
    if not words or not words[0].startswith("/"):
        refuse(name, SINK)
    if not (Path(words[0]).is_file() and os.access(words[0], os.X_OK)):
        refuse(name, f"its program is not there, or may not be run; {SINK}")


def key_bytes(name: str, text: str) -> bytes:
    """Decode one key of 32 bytes or more; ends the start otherwise."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        refuse(name, "a key is not url-safe base64")
    if len(raw) < KEY_BYTES:
        refuse(name, f"a key has {len(raw)} bytes; at least {KEY_BYTES} are needed")
    return raw
