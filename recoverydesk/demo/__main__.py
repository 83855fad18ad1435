"""`python -m recoverydesk.demo`: what `make run` starts. Says in one line why it cannot, instead of a traceback."""

import os
import signal
import sys
import tempfile
from pathlib import Path

from django.core.management import execute_from_command_line

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "recoverydesk.settings",
    "DEMO": "1",
    "RECOVERY_OBJECTION_WINDOW": "60",
    "SWEEP_EVERY": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "2",  # glibc would keep a heap for each thread
    "PYTHONWARNINGS": "ignore:You're running the worker",  # Celery's advice on root, of no use in a demo
}
VAR_DIR = Path(os.environ.get("VAR_DIR") or Path(__file__).resolve().parents[2] / "var").absolute()


def refuse_an_unwritable_folder() -> None:
    """End with one line when nothing can be written under VAR_DIR."""
    try:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=VAR_DIR).close()
    except OSError as error:
        sys.exit(f"cannot write to {VAR_DIR} ({error.strerror}): choose another folder with VAR_DIR=...")


def main() -> None:
    """Fill in the demo's environment and hand over to `manage.py demo`. A value already set wins."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    refuse_an_unwritable_folder()
    os.environ["VAR_DIR"] = str(VAR_DIR)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        execute_from_command_line([sys.argv[0], "demo"])
    except KeyboardInterrupt:
        print("stopped before it had started", flush=True)


if __name__ == "__main__":
    main()
