"""The text of a release as its page shows it: rendered once, by a process of its own, and kept in the row."""

import json
import subprocess
import sys
import threading
from html import escape
from pathlib import Path

from recoverydesk.projects.models import About

LONGEST = 40_000  # characters that a page shows
PROGRAM = Path(__file__).with_name("rendering.py")
PATIENCE = 20  # seconds, of a machine with other work
_one_at_a_time = threading.Lock()


def html_of(about: About) -> str:
    """Return safe HTML of the description. The first who asks has it rendered; who asks meanwhile gets plain text."""
    if about.html is None and about.description and _one_at_a_time.acquire(blocking=False):
        try:
            about.html = _render(about.description[:LONGEST], about.content_type)
        finally:
            _one_at_a_time.release()
        if about.html is not None:
            About.objects.filter(pk=about.pk, html=None).update(html=about.html)
    return plain(about.description[:LONGEST]) if about.html is None else about.html


def plain(text: str) -> str:
    """The text as it was written."""
    return f"<pre>{escape(text)}</pre>" if text else ""


def _render(text: str, content_type: str) -> str | None:
    """Whatever the text does to the program, plain text is left of it. None: the machine had no time for it."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(PROGRAM)],
            input=json.dumps([text, content_type]), capture_output=True, encoding="utf-8", timeout=PATIENCE, env={},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return str(json.loads(done.stdout)) if done.returncode == 0 else plain(text)
