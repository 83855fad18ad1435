"""Reads the process environment strictly: a missing or insecure value stops the start by name."""

import base64
import binascii
import os
import secrets
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
INSECURE_PREFIX = "django-insecure-"
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
GENERATED = ("SECRET_KEY", "FIELD_KEYS", "AUDIT_KEY")


def new_key() -> str:
    """Return 32 random bytes as unpadded url-safe base64, the form of one entry of FIELD_KEYS."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()


def key_bytes(name: str, text: str) -> bytes:
    """Decode one key; raises ImproperlyConfigured naming the setting when it is not 32 bytes or more."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImproperlyConfigured(f"{name}: a key is not url-safe base64") from error
    if len(raw) < KEY_BYTES:
        raise ImproperlyConfigured(f"{name}: a key has {len(raw)} bytes; at least {KEY_BYTES} are needed")
    return raw


def is_production(base_url: str) -> bool:
    """BASE_URL alone decides: https means production, http means a local start; anything else is refused."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(f"BASE_URL: {base_url!r} is not an http or https address")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise ImproperlyConfigured("BASE_URL: give scheme, host and port only, without a path")
    return parts.scheme == "https"


def load_local_secrets(var_dir: Path) -> None:
    """Put this folder's generated secrets into the environment, making them once (mode 0600)."""
    path = var_dir / "secrets.env"
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        _write_once(path)
    except OSError as error:
        raise ImproperlyConfigured(f"VAR_DIR: cannot write to {var_dir} ({error.strerror})") from error
    environ.Env.read_env(str(path))


def _write_once(path: Path) -> None:
    """Write the secrets under another name and link them into place, so that no reader sees half a file."""
    if path.exists():
        return
    values = {"SECRET_KEY": INSECURE_PREFIX + new_key(), "FIELD_KEYS": new_key(), "AUDIT_KEY": new_key()}
    draft = path.with_name(f"secrets.env.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(f"{name}={values[name]}\n" for name in GENERATED)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secrets are the ones that count
    finally:
        draft.unlink()


def require(env: environ.Env, names: list[str]) -> None:
    """Stop a production start that lacks a setting, naming every missing one at once."""
    missing = [name for name in names if not env.str(name, default="")]
    if missing:
        raise ImproperlyConfigured("set these for production (BASE_URL is https): " + ", ".join(missing))


def flag(env: environ.Env, name: str, *, default: bool) -> bool:
    """Read a switch; anything but on/off, yes/no, true/false, 1/0 stops the start."""
    text = env.str(name, default="on" if default else "off").strip().lower()
    if text not in (*ON, *OFF):
        raise ImproperlyConfigured(f"{name}: {text!r} is neither on nor off")
    return text in ON


def one_of(env: environ.Env, name: str, choices: Sequence[str], *, default: str) -> str:
    """Read a word; one that is not among `choices` stops the start."""
    word = env.str(name, default="") or default
    if word not in choices:
        raise ImproperlyConfigured(f"{name}: {word!r} is none of {', '.join(choices)}")
    return word


def day(env: environ.Env, name: str) -> date | None:
    """Read a day written as 2027-01-31; empty is None, anything else stops the start."""
    text = env.str(name, default="").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {text!r} is no day like 2027-01-31") from error


def refuse_insecure_services(env: environ.Env) -> None:
    """What serves on one machine does not serve in production: each such setting is named."""
    weak = {
        "ALLOWED_HOSTS": "*" in env.list("ALLOWED_HOSTS"),
        "DATABASE_URL": not env.str("DATABASE_URL").startswith(("postgres:", "postgresql:")),
        "BROKER_URL": not env.str("BROKER_URL").startswith(("redis", "amqp", "sentinel")),
        "CACHE_URL": env.str("CACHE_URL").startswith(("locmem", "dummy", "file")),
        "STAFF_STEP_UP": env.str("STAFF_STEP_UP", default="webauthn") != "webauthn",
        "DEBUG": flag(env, "DEBUG", default=False),
        "DEMO": flag(env, "DEMO", default=False),
        "FAIL_POINTS": bool(env.str("FAIL_POINTS", default="")),
    }
    if any(weak.values()):
        names = ", ".join(name for name, is_weak in weak.items() if is_weak)
        raise ImproperlyConfigured(f"not safe for production (BASE_URL is https): {names}; see .env.example")


def refuse_insecure_secret(secret_key: str) -> None:
    """A development key or a short one never signs anything in production."""
    if secret_key.startswith(INSECURE_PREFIX) or len(secret_key) < 50 or len(set(secret_key)) < 5:
        raise ImproperlyConfigured("SECRET_KEY: use at least 50 random characters in production")
