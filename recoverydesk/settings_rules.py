"""What must hold between settings before anything starts: local or production, secrets, names nobody reads."""

import base64
import os
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

import idna
from django.http.request import validate_host

from recoverydesk.environment import KEY_BYTES, Environment, WrongSetting, refuse

INSECURE_PREFIX = "django-insecure-"
PLACEHOLDERS = ("changeme", "change-me", "insecure", "example")
SECRETS = ("SECRET_KEY", "FIELD_KEYS", "AUDIT_KEY")
NEEDED = (*SECRETS, "DATABASE_URL", "BROKER_URL", "CACHE_URL", "EMAIL_URL", "ALLOWED_HOSTS")
LOCAL_ONLY = ("DEBUG", "DEMO", "FAIL_POINTS")  # off in production
LOCAL_HOSTS = (None, "", "localhost", "127.0.0.1", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
SHORTEST_TOKEN = 32
FEWEST_BYTES = 12  # different ones in a key: 32 random bytes nearly always hold more than 24


def base_url(text: str) -> str:
    """BASE_URL in its one spelling: lower case, the default port left out. https means production."""
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except (ValueError, idna.IDNAError):
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc:
        refuse("BASE_URL", "give the http or https address people use, for example https://desk.example.org", text)
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        refuse("BASE_URL", "give scheme, host and port only, without a path", text)
    if parts.scheme == "http" and host != "localhost" and not host.endswith(".localhost"):
        refuse("BASE_URL", "only localhost may go without https", text)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, DEFAULT_PORTS[parts.scheme]) else "")


def refuse_half_a_production(env: Environment, database_host: str | None) -> None:
    """A site with real secrets or a database elsewhere that lacks BASE_URL would run without Secure cookies."""
    if env.has("BASE_URL"):
        return
    if given := [name for name in SECRETS if env.has(name)]:
        refuse("BASE_URL", f"set it to the https:// address people use, as {given[0]} is set")
    if database_host not in LOCAL_HOSTS and not str(database_host).startswith("/"):
        refuse("BASE_URL", "set it to the https:// address people use, as DATABASE_URL is on another machine")


def require(env: Environment) -> None:
    """Stop a production start that lacks settings, or has what serves on one machine only; names all of them."""
    if missing := [name for name in NEEDED if not env.has(name)]:
        raise WrongSetting("set these for production (BASE_URL is https): " + ", ".join(missing))


def require_folder(env: Environment) -> None:
    """An installed program has no folder of its own beside it to write into."""
    if not env.has("VAR_DIR"):
        refuse("VAR_DIR", "give the whole path of a folder, for example /var/lib/recoverydesk")


def refuse_local_only(switches: Mapping[str, object]) -> None:
    """Stop a production start with a switch that is for one machine only."""
    if on := [name for name, value in switches.items() if value]:
        raise WrongSetting(f"not safe for production (BASE_URL is https): {', '.join(on)}; see .env.example")


def refuse_weak_secrets(secret_key: str, field_keys: list[bytes], audit_key: bytes) -> None:
    """A development key, a short one or one used twice protects nothing in production."""
    weak = secret_key.startswith(INSECURE_PREFIX) or len(secret_key) < 50 or len(set(secret_key)) < FEWEST_BYTES
    if weak or any(word in secret_key.lower() for word in PLACEHOLDERS):
        refuse("SECRET_KEY", "use at least 50 random characters in production")
    for name, key in (*(("FIELD_KEYS", one) for one in field_keys), ("AUDIT_KEY", audit_key)):
        if len(set(key)) < FEWEST_BYTES:
            refuse(name, "use 32 random bytes in production")
    if audit_key in field_keys:
        refuse("AUDIT_KEY", "it is one of FIELD_KEYS: use a key of its own")


def refuse_short_token(name: str, token: str) -> None:
    """What a stranger may try as often as the line takes must be long."""
    if token and (len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]+", token)):
        refuse(name, f"give at least {SHORTEST_TOKEN} random letters and digits")


def refuse_half_a_preload(subdomains: bool, preload: bool) -> None:
    """The lists in browsers take a site only with all names below it."""
    if preload and not subdomains:
        refuse("HSTS_PRELOAD", "it needs HSTS_SUBDOMAINS=true as well", "true")


def refuse_closed_hosts(host: str, allowed: list[str]) -> None:
    """ALLOWED_HOSTS without the host of BASE_URL would answer 400 to everybody."""
    if not validate_host(host, allowed):
        refuse("ALLOWED_HOSTS", f"the host of BASE_URL, {host}, is missing", ",".join(allowed))


def refuse_proxy_without_count(behind_tls_proxy: bool, count: int) -> None:
    """Behind a proxy that is not counted all visitors have one address, and one stranger uses up everybody's limits."""
    if behind_tls_proxy and count == 0:
        refuse("TRUSTED_PROXY_COUNT", "give the number of proxies in front, as BEHIND_TLS_PROXY is true", "0")


def refuse_open_fallback(url: str, host: str, sign_up: str) -> None:
    """Whoever signs up could publish under a name that people take from the other index; ours leads nowhere."""
    if url and urlsplit(url).hostname == host:
        refuse("INDEX_FALLBACK_URL", "give the address of another site", url)
    if url and sign_up == "open":
        refuse(
            "SIGN_UP",
            "set it to closed, as INDEX_FALLBACK_URL is set: a stranger could publish under its names",
            "open",
        )


def refuse_short_keeping(object_within: timedelta, kept: Mapping[str, timedelta]) -> None:
    """While somebody may object to a reset, its mails and looks are what the objection is judged by."""
    for name, days in kept.items():
        if days < object_within:
            wanted = f"give at least {object_within.days}: RECOVERY_OBJECT_WITHIN_DAYS lets people object so long"
            refuse(name, wanted, str(days.days))


def refuse_misspelt(env: Environment, given: Mapping[str, str]) -> None:
    """A variable that nobody reads and that differs little from one of ours is a slip of the pen."""
    for name in sorted(set(given) - set(env.read)):
        ours = name.startswith("RECOVERY_")
        alike = get_close_matches(name, env.read, n=1, cutoff=0.75 if ours else 0.88) if "_" in name else []
        if alike and alike[0][0] == name[0]:
            refuse(name, f"there is no such setting; did you mean {alike[0]}?")


def new_key() -> str:
    """Return 32 random bytes as unpadded url-safe base64, the form of one entry of FIELD_KEYS."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()


def local_secrets(var_dir: Path) -> dict[str, str]:
    """The secrets of a local start by name, made once in this folder (mode 0600)."""
    path = var_dir / "secrets.env"
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        _write_once(path)
        lines = path.read_text().splitlines()
    except OSError as error:
        refuse("VAR_DIR", f"cannot write to this folder ({error.strerror})", str(var_dir))
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _write_once(path: Path) -> None:
    """Write the secrets under another name and link them into place, so that no reader sees half a file."""
    if path.exists():
        return
    values = {"SECRET_KEY": INSECURE_PREFIX + new_key(), "FIELD_KEYS": new_key(), "AUDIT_KEY": new_key()}
    draft = path.with_name(f"secrets.env.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(f"{name}={values[name]}\n" for name in SECRETS)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secrets are the ones that count
    finally:
        draft.unlink()


def https_address(text: str) -> str:
    """An https address, or the empty text. Raises ValueError."""
    if text and not re.fullmatch(r"https://[^\s/?#@]+(/\S*)?", text):
        raise ValueError(text)
    return text


def index_address(text: str) -> str:
    """The same without a query, so that the name of a project can stand behind it. Raises ValueError."""
    if "?" in text or "#" in text:
        raise ValueError(text)
    return https_address(text)
