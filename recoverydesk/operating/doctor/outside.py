"""The site as people reach it, through BASE_URL: the proxy's headers, the web's folder, the certificate.

The doctor sends headers that a stranger could forge, with a signed number (recoverydesk/operating/mirror.py); the web
answers what of them reached it. No proxy of the environment is used and no redirect is followed.
"""

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any

from django.conf import settings

from recoverydesk import __version__
from recoverydesk.operating import mirror
from recoverydesk.operating.doctor.findings import Check, Finding, not_asked, ok, warning, words_of, wrong

FORGED = "203.0.113.77"  # an address of documentation (RFC 5737): nobody has it
WITHIN = 10  # seconds
MOST = 64 * 1024  # bytes of an answer
SOON = timedelta(days=21)  # an automatic renewal is late then
COUNT, PROTO = "TRUSTED_PROXY_COUNT", "X-Forwarded-Proto"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, what the web saw (nothing if it was another program), the certificate's end."""

    status: int
    seen: dict[str, Any] = field(default_factory=dict)
    first_line: str = ""
    ends: datetime | None = None


def ask(number: str) -> Answer:
    """Ask /livez with forged headers. Raises OSError, HTTPException."""
    port = re.search(r":(\d+)$", settings.BASE_URL)
    kind = HTTPSConnection if settings.PRODUCTION else HTTPConnection
    line = kind(settings.HOST, int(port[1]) if port else None, timeout=WITHIN)
    forged = {"X-Forwarded-For": FORGED, PROTO: "http", "X-Forwarded-Host": "forged.example"}
    try:
        line.request("GET", "/livez", headers={mirror.HEADER: mirror.signed(number), **forged})
        ends = _end_of(line.sock)
        reply = line.getresponse()
        body = reply.read(MOST).decode("utf-8", "replace")
    finally:
        line.close()
    return Answer(reply.status, _read(body), body.partition("\n")[0], ends)


def _end_of(sock: Any) -> datetime | None:
    if not isinstance(sock, ssl.SSLSocket):
        return None
    certificate = sock.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def _read(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    seen = found.get("doctor") if isinstance(found, dict) else None
    return seen if isinstance(seen, dict) else {}


def web() -> Iterator[Finding]:
    """Ask, and look at each thing that may be wrong on the way."""
    try:
        with mirror.question() as number:
            answer = ask(number)
    except ssl.SSLCertVerificationError as error:
        yield wrong("certificate", f"it is not trusted: {error.verify_message}", "renew it, with its whole chain")
        yield not_asked("web", "certificate comes first")
        return
    except (OSError, HTTPException) as error:
        words = f"{settings.BASE_URL} does not answer ({type(error).__name__}: {words_of(error)})"
        yield wrong("web", words, "start `recoverydesk run web`, and look at the proxy and at DNS")
        return
    yield from certificate(answer)
    yield from (judge(answer.seen) if answer.seen else refused(answer))


def certificate(answer: Answer) -> Iterator[Finding]:
    """How long it is good for."""
    if answer.ends is None:
        return
    left = answer.ends - datetime.now(UTC)
    words = f"good until {answer.ends:%d %B %Y}, {left.days} days"
    yield ok("certificate", words) if left > SOON else warning("certificate", words, "see why it was not renewed")


def refused(answer: Answer) -> Iterator[Finding]:
    """Something answered that does not know the number."""
    if answer.status == 400 and COUNT in answer.first_line:
        yield wrong("proxy", answer.first_line, f"lower {COUNT}, or let the proxy set X-Forwarded-For")
    elif answer.status == 400:
        yield wrong("proxy", "the web refuses the name it is asked for", "let the proxy pass the Host header unchanged")
    else:
        todo = "give web and this command the same SECRET_KEY, and let the proxy pass /livez and all headers"
        yield wrong("web", f"/livez answers {answer.status}, but not to this command", todo)


def judge(seen: dict[str, Any]) -> Iterator[Finding]:
    """What reached the web: the folder, the version, and what the proxy made of forged headers."""
    if not seen["same_folder"]:
        yield wrong("web", "it writes into another VAR_DIR", "give web, worker and this command the same VAR_DIR")
    elif seen["version"] != __version__:
        yield warning("web", f"it runs version {seen['version']}", "restart it with this version")
    else:
        yield ok("web", "it answers through BASE_URL and sees VAR_DIR")
    faults = [*_addresses(seen["forwarded"], seen["client"]), *_scheme(seen)]
    yield from faults or [ok("proxy", f"forged headers do not count; {COUNT} fits")]


def _addresses(forwarded: list[str], client: str) -> Iterator[Finding]:
    """Whose address counts? The forged one must not, and a proxy's own must not."""
    count = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    added = len(forwarded) - (FORGED in forwarded)
    if client == FORGED:
        todo = f"let the proxy set or append X-Forwarded-For; {COUNT} is the number of proxies that do ({added} here)"
        yield wrong("proxy", "it believes an X-Forwarded-For that anybody can send", todo)
    elif added > count:
        words = f"{added} addresses were added to X-Forwarded-For, {COUNT} is {count}: all visitors look like one"
        yield wrong("proxy", words, f"set {COUNT}={added}")
    elif count and not added:
        yield wrong("proxy", "no X-Forwarded-For reaches the web", f"let the proxy set it, or set {COUNT}=0")


def _scheme(seen: dict[str, Any]) -> Iterator[Finding]:
    """Does the web know that people use https, and not because a visitor says so?"""
    if not settings.PRODUCTION or (seen["secure"] and seen["proto"] in ("", "https")):
        return
    if not settings.BEHIND_TLS_PROXY:
        yield wrong("proxy", "the web takes requests for http", "set BEHIND_TLS_PROXY=true")
    elif seen["proto"] == "http":
        yield wrong("proxy", f"it passes the {PROTO} that visitors send", f"let it set {PROTO} to its own scheme")
    else:
        yield wrong("proxy", f"no {PROTO}: https reaches the web", f"let the proxy set {PROTO} to its own scheme")


WEB = Check("web", web, "look at BASE_URL, the web's log and the proxy", needs=("files",))
