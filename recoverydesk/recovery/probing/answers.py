"""What an HTTP answer means for a probe, before any git is read (branch-verification table of verdicts)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from common.transport.client import Reply
from recoverydesk.recovery.probing.sign_in_pages import asks_for_password
from recoverydesk.recovery.probing.verdicts import Verdict

ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
RESULT = "application/x-git-upload-pack-result"
PLAIN_FILE = ("", "text/plain", "application/octet-stream", "binary/octet-stream")  # how info/refs is served as a file
REDIRECTS = (301, 302, 303, 307, 308)
BOT_WALL = re.compile(
    rb"anubis|captcha|cf-chl|challenge|just a moment|not a robot|checking your browser", re.IGNORECASE
)


class Stop(Exception):
    """The probe is over: this verdict, for this reason in plain words."""

    def __init__(self, verdict: Verdict, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.verdict, self.detail, self.retry_after = verdict, detail, retry_after


class NoGit(Stop):
    """The same where git does not answer at all: another kind of host may live there."""


class Busy(Stop):
    """The same where the host asks to be left alone."""


class Absent(Exception):
    """404: perhaps another spelling of the same repository answers."""


class Elsewhere(Exception):
    """The host points at another URL, whose text is the host's and not to be trusted."""

    def __init__(self, location: str) -> None:
        super().__init__("redirect")
        self.location = location


def kind_of(headers: Mapping[str, str]) -> str:
    """The media type, without parameters, in lower case; empty when there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def content(reply: Reply, wanted: str) -> bytes:
    """The body of a 200 of the wanted type; raises Stop, Absent or Elsewhere for everything else."""
    if reply.status != 200:
        _refuse(reply)
    if kind_of(reply.headers) != wanted:
        _wrong_type(reply)
    if not reply.body:
        raise Stop(Verdict.AMBIGUOUS, "an empty answer")
    return reply.body


def whole(reply: Reply) -> None:
    """Raise Stop when the answer went on past the limit: what was not read may say anything."""
    if not reply.complete:
        raise Stop(Verdict.AMBIGUOUS, "a longer answer than we read")


def _refuse(reply: Reply) -> None:
    status = reply.status
    if status in REDIRECTS:
        raise Elsewhere(reply.headers.get("location", ""))
    if status == 404:
        raise Absent
    if status == 401 or (status == 403 and "basic" in reply.headers.get("www-authenticate", "").lower()):
        raise Stop(Verdict.PRIVATE_OR_ABSENT, "it asks for a password: private, or not there")
    if status in (405, 410):
        raise NoGit(Verdict.NOT_A_REPOSITORY, f"no repository there (HTTP {status})")
    if status == 400:
        raise NoGit(Verdict.AMBIGUOUS, "it does not understand git (HTTP 400)")
    if status in (429, 503):
        raise Busy(Verdict.UNREACHABLE, f"the host is busy (HTTP {status})", retry_after=_retry_after(reply))
    if status >= 500:
        raise Stop(Verdict.UNREACHABLE, f"the host is broken (HTTP {status})", retry_after=_retry_after(reply))
    raise Stop(Verdict.AMBIGUOUS, f"an answer that says nothing about branches (HTTP {status})")


def _wrong_type(reply: Reply) -> None:
    if kind_of(reply.headers) in ("text/html", "application/xhtml+xml"):
        if "cf-mitigated" in reply.headers or BOT_WALL.search(reply.body):
            raise Stop(Verdict.AMBIGUOUS, "a page that keeps robots out")
        if asks_for_password(reply.body):
            raise NoGit(Verdict.PRIVATE_OR_ABSENT, "a page that asks for a password: private, or not there")
        raise NoGit(Verdict.NOT_A_REPOSITORY, "a web page, not a repository")
    raise Stop(Verdict.AMBIGUOUS, "an answer of the wrong type")


def _retry_after(reply: Reply) -> float | None:
    """Seconds from the `Retry-After` header (RFC 9110 section 10.2.3); None when absent or unreadable."""
    text = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
