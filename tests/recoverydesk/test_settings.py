"""A start with a missing, senseless or insecure setting ends at once, in one sentence that names it."""

import os
import runpy
import stat
import subprocess
import sys
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.files import ROOT, names_in_example
from tests.helpers.production import KEY, OTHER_KEY, PRODUCTION, start
from tests.tiers import spread


def test_a_complete_production_environment_starts_with_closed_cookies(tmp_path: Path) -> None:
    shown = "print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_SECURE, "
    shown += "settings.CSRF_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS >= 31536000)"
    done = start(tmp_path, PRODUCTION, shown)
    assert done.stdout.split() == ["__Host-session", "__Host-csrf", "True", "True", "True", "True"], done.stderr


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, "False False"),
        ({"HSTS_SUBDOMAINS": "true"}, "True False"),
        ({"HSTS_SUBDOMAINS": "true", "HSTS_PRELOAD": "true"}, "True True"),
    ],
)
def test_https_for_all_names_below_and_for_ever_is_the_sites_own_choice(
    tmp_path: Path, given: dict[str, str], sent: str
) -> None:
    shown = "print(settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD)"
    assert start(tmp_path, {**PRODUCTION, **given}, shown).stdout.strip() == sent


def test_a_preload_without_subdomains_is_refused(tmp_path: Path) -> None:
    done = start(tmp_path, {**PRODUCTION, "HSTS_PRELOAD": "true"})
    assert done.returncode != 0
    assert "HSTS_PRELOAD=true: it needs HSTS_SUBDOMAINS=true as well" in done.stderr


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
    assert "cannot write to this folder" in done.stderr.splitlines()[-1]


REFUSED_ANYWHERE = [
    ("RECOVERY_OBJECTION_WINDOW", "-1", "a whole number of seconds from 0 to 7776000, for example 86400"),
    ("RECOVERY_OBJECTION_WINDOW", "24h", "a whole number of seconds"),
    ("RECOVERY_OBJECTON_WINDOW", "24", "did you mean RECOVERY_OBJECTION_WINDOW?"),
    ("RECOVERY_WAIT", "24", "did you mean RECOVERY_WAIT_"),
    ("UPLOAD_MAX_MB", "24", "did you mean UPLOAD_MAX_MIB?"),
    ("SWEEP_EVERY", "0", "from 1"),
    ("SWEEP_EVERY", "-5", "from 1"),
    ("SWEEP_EVERY", "٣", "from 1"),
    ("SWEEP_EVERY", "1e1", "from 1"),
    ("PORT", "99999", "from 1 to 65535"),
    ("TRUSTED_PROXY_COUNT", "-1", "from 0"),
    ("TRUSTED_PROXY_COUNT", "one", "from 0"),
    ("UPLOAD_MAX_MIB", "0", "from 1"),
    ("UPLOAD_MAX_MIB", "-3", "from 1"),
    ("AUDIT_DETAIL_RETENTION_DAYS", "-1", "from 0"),
    ("AUDIT_DETAIL_RETENTION_DAYS", "9" * 30, "from 0"),
    ("KEEP_MAILS_DAYS", "89", "from 90"),
    ("KEEP_PROBES_DAYS", "89", "from 90"),
    ("KEEP_REQUESTS_DAYS", "0", "from 1"),
    ("KEEP_BROWSERS_DAYS", "401", "from 30 to 400"),
    ("AUDIT_SINK", "logger -t audit", "the whole path of a program"),
    ("AUDIT_SINK", "/nowhere/logger -t audit", "not there"),
    ("AUDIT_SINK", "/etc/passwd", "may not be run"),
    ("AUDIT_SINK", "/bin/sh -c 'cat", "quotes"),
    ("AUDIT_SINK", "https://", "a host"),
    ("AUDIT_SINK", "https://clerk:word@log.example.org/", "no user"),
    ("AUDIT_SINK", "https://log.example.org:often/", "cannot be read"),
    ("AUDIT_SINK", "http://log.example.org/", "https://"),
    ("AUDIT_SINK", "ftp://log.example.org/", "https://"),
    ("DEFAULT_FROM_EMAIL", "notanaddress", "Desk <desk@example.org>"),
    ("LOG_LEVEL", "VERBOSE", "DEBUG, INFO"),
    ("LOG_LEVEL", "info", "DEBUG, INFO"),
    ("CACHE_URL", "foo://", "rediscache://"),
    ("EMAIL_URL", "foo://", "smtp://"),
    ("EMAIL_URL", "smtp://", "no host"),
    ("EMAIL_URL", "smtp://mail.example.org:often", "cannot be read"),
    ("BROKER_URL", "redisss://", "redis://"),
    ("BROKER_URL", "redis", "redis://"),
    ("DATABASE_URL", "mysql://desk@localhost/desk", "postgres://"),
    ("BASE_URL", "http://desk.example.org", "only localhost may go without https"),
    ("BASE_URL", "http://127.0.0.1:8000", "only localhost may go without https"),
    ("BASE_URL", "https://desk.example.org/under/a/path", "without a path"),
    ("BASE_URL", "https://clerk:word@desk.example.org", "the http or https address"),
    ("BASE_URL", "https://", "the http or https address"),
    ("BASE_URL", "ftp://desk.example.org", "the http or https address"),
    ("ALLOWED_HOSTS", "elsewhere.example.org", "the host of BASE_URL"),
    ("ALLOWED_HOSTS", "https://localhost", "without scheme and port"),
    ("FIELD_KEYS", "c2hvcnQ", "at least 32"),
    ("FIELD_KEYS", f"{KEY},not base64!", "base64"),
    ("FIELD_KEYS", f"{KEY},{KEY}", "twice"),
    ("AUDIT_KEY", "c2hvcnQ", "at least 32"),
    ("AUDIT_KEY", f"{KEY},{OTHER_KEY}", "one key"),
    ("DEBUG", "perhaps", "true or false"),
    ("SECOND_FACTOR_REQUIRED", "most", "off, staff"),
    ("SECOND_FACTOR_REQUIRED_FROM", "31.1.2027", "2027-01-31"),
    ("SITE_NAME", "Desk\nBcc: everybody@example.org", "line break"),
    ("SITE_NAME", "x" * 61, "60 characters"),
    ("SECURITY_CONTACT", "security@example.org", "mailto:"),
    ("SECURITY_CONTACT", "http://desk.example.org/security", "https://"),
    ("TOKEN_PREFIX", "no-dashes", "a letter first"),
    ("VAR_DIR", "var", "the whole path"),
    ("PUBLISHER_ISSUERS", "gitlab http://gitlab.example", "give github, gitlab or other"),
    ("PUBLISHER_ISSUERS", "other https://ci.example", "the claims to match"),
    ("LEAK_KEYS_URL", "http://keys.example/", "https://, or off"),
    ("RECOVERY_ISSUE_TRACKER", "tracker.example.org", "https://"),
]
REFUSED_IN_PRODUCTION = [
    ("AUDIT_SINK", "http://localhost:9000/", "https://"),
    ("RECOVERY_OBJECTION_WINDOW", "0", "from 3600"),
    ("SECRET_KEY", "django-insecure-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH", "50 random"),
    ("SECRET_KEY", "short", "50 random"),
    ("SECRET_KEY", "ab" * 40, "50 random"),
    ("SECRET_KEY", "changeme-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH", "50 random"),
    ("AUDIT_KEY", "A" * 43, "32 random bytes"),
    ("FIELD_KEYS", "A" * 43, "32 random bytes"),
    ("AUDIT_KEY", KEY, "one of FIELD_KEYS"),
    ("EMAIL_URL", "consolemail://", "smtp://"),
    ("EMAIL_URL", "dummymail://", "smtp://"),
    ("EMAIL_URL", "filemail://", "smtp://"),
    ("EMAIL_URL", "memorymail://", "smtp://"),
    ("ALLOWED_HOSTS", "*", "not safe for production"),
    ("ALLOWED_HOSTS", "elsewhere.example.org", "desk.example.org, is missing"),
    ("DATABASE_URL", "sqlite:///desk.sqlite3", "postgres://"),
    ("BROKER_URL", "filesystem://localhost", "redis://"),
    ("CACHE_URL", "locmemcache://", "rediscache://"),
    ("STAFF_STEP_UP", "any", "webauthn"),
    ("DEBUG", "true", "not safe for production"),
    ("DEMO", "true", "not safe for production"),
    ("FAIL_POINTS", "/somewhere", "not safe for production"),
    ("BEHIND_TLS_PROXY", "true", "TRUSTED_PROXY_COUNT"),
]


class Loads:
    """Runs settings.py in this process with nothing but the given environment."""

    def __init__(self, var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.var, self.monkeypatch, self.capsys = var, monkeypatch, capsys

    def __call__(self, **environment: str) -> dict[str, Any]:
        with self.monkeypatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in {"VAR_DIR": str(self.var), **environment}.items():
                patch.setenv(name, value)
            return runpy.run_path(str(ROOT / "recoverydesk" / "settings.py"))

    def refusal(self, **environment: str) -> str:
        """The one sentence that a start with this environment ends with; empty when it starts."""
        code: object = 0
        try:
            self(**environment)
        except SystemExit as error:
            code = error.code
        said = self.capsys.readouterr().err
        assert (code, said.count("\n")) in ((0, 0), (3, 1))  # gunicorn does not start a worker again after a 3
        return said.rstrip("\n")


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Loads:
    return Loads(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(("name", "value", "wanted"), REFUSED_ANYWHERE)
def test_a_senseless_value_is_refused_by_name_and_with_what_is_wanted(
    name: str, value: str, wanted: str, load: Loads
) -> None:
    said = load.refusal(**{name: value, **({} if name == "BASE_URL" else {"BASE_URL": "http://localhost:8000"})})
    assert said.startswith((f"{name}:", f"{name}="))
    assert wanted in said


@pytest.mark.parametrize("name", sorted(PRODUCTION.keys() - {"BASE_URL"}))
def test_production_refuses_a_missing_setting_by_name(name: str, load: Loads) -> None:
    without = {key: text for key, text in PRODUCTION.items() if key != name}
    for environment in (without, {**without, name: ""}):
        assert load.refusal(**environment).endswith(f"https): {name}")


@pytest.mark.parametrize(("name", "value", "wanted"), REFUSED_IN_PRODUCTION)
def test_production_refuses_an_insecure_value_by_name(name: str, value: str, wanted: str, load: Loads) -> None:
    said = load.refusal(**{**PRODUCTION, name: value})
    assert name in said or "TRUSTED_PROXY_COUNT" in said
    assert wanted in said


NONSENSE = ["a\nb", "non sense!", "-1", "0", "9" * 25, "١", "1.5", "∞", "://", "x" * 5000]


def every_setting(load: Loads) -> dict[str, Any]:
    return dict(load()["env"].read)


def test_whatever_stands_in_any_setting_it_is_taken_or_refused_in_one_sentence(load: Loads) -> None:
    """A setting that is new is walked by itself; none may take everything, and no secret is repeated."""
    settings = every_setting(load)
    assert set(settings) == names_in_example()
    for name, setting in settings.items():
        tried = {"a\nb", "non sense!", "∞", "://", *spread(NONSENSE, 2, seed=name)}
        refusals = {value: load.refusal(**{"BASE_URL": "http://localhost:8000", name: value}) for value in tried}
        said = [text for text in refusals.values() if text]
        assert [text for text in said if not text.startswith((f"{name}:", f"{name}="))] == []
        assert refusals["a\nb"], name
        if setting.kind in ("secret", "service"):
            assert [text for text in said if text.startswith(f"{name}=")] == []
        if setting.kind != "text" and setting.kind != "secret":
            assert [value for value in ("non sense!", "∞", "://") if not refusals[value]] == [], name


def test_every_number_is_refused_beyond_its_bounds_and_taken_at_them(load: Loads) -> None:
    numbers = {name: one for name, one in every_setting(load).items() if one.kind == "number"}
    assert len(numbers) > 15
    for name, one in numbers.items():
        for value in (one.at_least - 1, one.at_most + 1):
            assert f"from {one.at_least} to {one.at_most}" in load.refusal(**{name: str(value)})
        for value in (one.at_least, one.at_most):
            assert load.refusal(**{name: str(value)}) == ""


def test_an_empty_value_is_the_default(load: Loads) -> None:
    for name in every_setting(load):
        assert load.refusal(**{name: ""}) == ""


@pytest.mark.parametrize("name", ["KEEP_MAILS_DAYS", "KEEP_PROBES_DAYS"])
def test_nothing_goes_while_somebody_may_object(name: str, load: Loads) -> None:
    refused = load.refusal(RECOVERY_OBJECT_WITHIN_DAYS="200", **{name: "199"})
    assert refused.strip() == f"{name}=199: give at least 200: RECOVERY_OBJECT_WITHIN_DAYS lets people object so long"
    assert load.refusal(RECOVERY_OBJECT_WITHIN_DAYS="200", **{name: "200"}) == ""


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_KEYS", "AUDIT_KEY"])
def test_secrets_without_a_base_url_are_no_local_start(name: str, load: Loads) -> None:
    assert load.refusal(**{name: PRODUCTION[name]}).startswith("BASE_URL: set it")


def test_a_database_elsewhere_without_a_base_url_is_no_local_start(load: Loads) -> None:
    assert load.refusal(DATABASE_URL="postgres://desk:word@db.example.org/desk").startswith("BASE_URL: set it")
    assert load.refusal(DATABASE_URL="postgres://desk:word@127.0.0.1/desk") == ""
    assert load.refusal(DATABASE_URL="postgres:///desk?host=/run/postgresql") == ""


@pytest.mark.parametrize(
    "spelt", ["HTTPS://Desk.Example.org", "https://desk.example.org:443/", "https://desk.example.org."]
)
def test_an_address_is_the_same_in_capitals_and_with_its_usual_port(spelt: str, load: Loads) -> None:
    settings = load(**{**PRODUCTION, "BASE_URL": spelt})
    assert (settings["BASE_URL"], settings["HOST"]) == (PRODUCTION["BASE_URL"], "desk.example.org")


def test_a_site_name_with_a_comma_makes_one_sender(load: Loads) -> None:
    sender = load(SITE_NAME="Kvist, Inc.")["DEFAULT_FROM_EMAIL"]
    assert getaddresses([sender]) == [("Kvist, Inc.", "desk@localhost")]


def test_no_refusal_repeats_a_password(load: Loads) -> None:
    for name, value in {"DATABASE_URL": "postgres://u:word@h:x/d", "EMAIL_URL": "foo://u:word@h"}.items():
        assert "word" not in load.refusal(BASE_URL="http://localhost:8000", **{name: value})


def test_the_secrets_of_a_local_start_do_not_spread_through_the_environment(load: Loads) -> None:
    settings = load()
    assert settings["SECRET_KEY"]
    assert os.environ.get("SECRET_KEY") != settings["SECRET_KEY"]


@pytest.mark.parametrize(
    "command",
    [
        "manage.py check",
        "-m gunicorn --no-control-socket --workers 1 --bind 127.0.0.1:0 recoverydesk.wsgi",
        "-m celery -A recoverydesk worker -P threads -c 4",
        "-m celery -A recoverydesk beat --pidfile=",
        "-m recoverydesk.demo",
    ],
)
def test_every_program_ends_with_the_same_sentence_and_without_a_traceback(command: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "SWEEP_EVERY": "0"}
    done = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3, done.stderr
    assert "SWEEP_EVERY=0: give a whole number of seconds from 1 to 300, for example 5\n" in done.stderr
    assert "Traceback" not in done.stderr
