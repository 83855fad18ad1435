"""A complete production environment, and a start with one."""

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.files import ROOT

KEY = "nXq3kD9zT0aWcE5uLrYb8VfGh2JmPs7QiKo1xRvC4dA"  # 43 characters of base64: 32 bytes
OTHER_KEY = KEY[::-1]
PRODUCTION = {
    "BASE_URL": "https://desk.example.org",
    "SECRET_KEY": "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOP",
    "FIELD_KEYS": KEY,
    "AUDIT_KEY": OTHER_KEY,
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
