"""A production start with a missing or insecure setting ends at once and names the setting."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KEY = "q" * 10 + "3kD9" * 8 + "w"  # 43 characters of base64: 32 bytes
PRODUCTION = {
    "BASE_URL": "https://desk.example.org",
    "SECRET_KEY": "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOP",
    "FIELD_KEYS": KEY,
    "AUDIT_KEY": KEY,
    "DATABASE_URL": "postgres://desk@db.example.org/desk",
    "BROKER_URL": "redis://cache.example.org:6379/0",
    "CACHE_URL": "rediscache://cache.example.org:6379/1",
    "EMAIL_URL": "smtp+tls://desk:secret@mail.example.org:587",
    "ALLOWED_HOSTS": "desk.example.org",
}


def start(var: Path, environment: dict[str, str], code: str = "") -> "subprocess.CompletedProcess[str]":
    """Import the settings in a process of its own with nothing but this environment."""
    program = f"import recoverydesk.settings as settings\n{code}"
    variables = {"PATH": os.environ["PATH"], "VAR_DIR": str(var), **environment}
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True)


def test_a_complete_production_environment_starts_with_closed_cookies(tmp_path: Path) -> None:
    shown = "print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_SECURE, "
    shown += "settings.CSRF_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS >= 31536000)"
    done = start(tmp_path, PRODUCTION, shown)
    assert done.stdout.split() == ["__Host-session", "__Host-csrf", "True", "True", "True", "True"], done.stderr


@pytest.mark.parametrize("name", sorted(PRODUCTION.keys() - {"BASE_URL"}))
@pytest.mark.parametrize("value", [None, ""], ids=["absent", "empty"])
def test_production_refuses_a_missing_setting_by_name(tmp_path: Path, name: str, value: str | None) -> None:
    environment = {key: text for key, text in PRODUCTION.items() if key != name}
    done = start(tmp_path, environment if value is None else {**environment, name: value})
    assert done.returncode != 0
    assert f"https): {name}\n" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "django-insecure-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "ab" * 40),
        ("FIELD_KEYS", "c2hvcnQ"),
        ("FIELD_KEYS", f"{KEY},not base64!"),
        ("AUDIT_KEY", "c2hvcnQ"),
        ("DEBUG", "true"),
        ("DEMO", "true"),
        ("ALLOWED_HOSTS", "*"),
        ("DATABASE_URL", "sqlite:///desk.sqlite3"),
        ("BROKER_URL", "filesystem://localhost"),
        ("CACHE_URL", "locmemcache://"),
        ("STAFF_STEP_UP", "any"),
        ("STAFF_STEP_UP", "someday"),
        ("BASE_URL", "https://desk.example.org/under/a/path"),
        ("BASE_URL", "ftp://desk.example.org"),
    ],
)
def test_production_refuses_an_insecure_value_by_name(tmp_path: Path, name: str, value: str) -> None:
    done = start(tmp_path, {**PRODUCTION, name: value})
    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]


def test_production_makes_no_secrets(tmp_path: Path) -> None:
    assert start(tmp_path, PRODUCTION).returncode == 0
    assert not (tmp_path / "secrets.env").exists()


def test_a_local_start_makes_its_secrets_once_for_its_owner_only(tmp_path: Path) -> None:
    shown = "print(settings.SECRET_KEY)"
    first, second = (start(tmp_path / "var", {}, shown) for _ in range(2))
    assert first.stdout.startswith("django-insecure-"), first.stderr
    assert second.stdout == first.stdout
    assert stat.S_IMODE((tmp_path / "var" / "secrets.env").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = start(tmp_path / "file" / "var", {})
    assert "VAR_DIR: cannot write to" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "many"), ("SWEEP_EVERY", "often"), ("DEBUG", "perhaps"), ("SECOND_FACTOR_REQUIRED", "most")],
)
def test_a_value_of_the_wrong_type_is_not_taken_for_a_default(tmp_path: Path, name: str, value: str) -> None:
    done = start(tmp_path, {name: value}, f"print(settings.{name})")
    assert done.returncode != 0
    assert name in done.stderr or value in done.stderr
