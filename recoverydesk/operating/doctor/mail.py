"""Mail: does the server take it, and does the sender's domain say in DNS that it may (SPF, DKIM, DMARC)?"""

from collections.abc import Iterator
from email.utils import parseaddr

import dns.resolver
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from publicsuffixlist import PublicSuffixList

from recoverydesk.operating.doctor.findings import Check, Finding, not_asked, ok, warning, wrong

WITHIN = 5  # seconds for one answer of DNS
SUFFIXES = PublicSuffixList()
TODO = "look at EMAIL_URL, and whether the server takes mail from here"


def resolver() -> dns.resolver.Resolver:
    """This machine's."""
    return dns.resolver.Resolver()


def server(send_to: str) -> Iterator[Finding]:
    """It answers and takes our name and password; with `send_to` it takes one mail as well."""
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        yield warning("mail", "no mail server is set", "set EMAIL_URL")
        return
    with get_connection() as line:
        if not send_to:
            yield ok("mail", "the server answers; --send-to ADDRESS sends a mail")
            return
        words = f"This is a test of {settings.SITE_NAME} at {settings.BASE_URL}. You can delete it."
        EmailMessage(f"Test of {settings.SITE_NAME}", words, to=[send_to], connection=line).send()
    yield ok("mail", "the server took the mail: see whether it arrives, and in which folder")


def domain() -> str:
    """The domain of DEFAULT_FROM_EMAIL."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2].lower()


def texts(name: str) -> list[str] | None:
    """The TXT records of a name; None where there is no such name. Raises dns.exception.DNSException."""
    try:
        answer = resolver().resolve(name, "TXT", lifetime=WITHIN, search=False)
    except dns.resolver.NXDOMAIN:
        return None
    except dns.resolver.NoAnswer:
        return []
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]


def spf() -> Iterator[Finding]:
    """One record, which does not allow everybody (RFC 7208)."""
    name = domain()
    found = [one for one in texts(name) or [] if one.lower().split(" ")[0] == "v=spf1"]
    if not found:
        yield warning("SPF", f"{name} has no record", "publish which servers send mail for it: v=spf1 … -all")
    elif len(found) > 1:
        yield wrong("SPF", f"{name} has {len(found)} records, so none counts", "publish one")
    elif {"all", "+all"} & set(found[0].lower().split()):
        yield warning("SPF", f"{name} lets every server send", "end the record with -all or ~all")
    else:
        yield ok("SPF", f"{name} has a record")


def dmarc() -> Iterator[Finding]:
    """A policy of the domain, or of the one it was registered as (RFC 7489)."""
    name = domain()
    for one in dict.fromkeys((name, SUFFIXES.privatesuffix(name) or name)):
        found = [text for text in texts(f"_dmarc.{one}") or [] if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if found:
            tags = dict(tag.strip().partition("=")[::2] for tag in found[0].lower().split(";"))
            words = f"{one} has policy {tags.get('p', '').strip() or 'missing'}"
            good = tags.get("p", "").strip() in ("quarantine", "reject")
            yield ok("DMARC", words) if good else warning("DMARC", words, "set p=quarantine once its reports are clean")
            return
    yield warning("DMARC", f"{name} has no policy", f"publish one at _dmarc.{name}: v=DMARC1; p=quarantine; rua=…")


def dkim(selector: str) -> Iterator[Finding]:
    """The key of this selector; without one, whether any may be there (RFC 6376)."""
    name = f"{selector}._domainkey.{domain()}" if selector else f"_domainkey.{domain()}"
    found = texts(name)
    if selector and any("p=" in one and not one.replace(" ", "").endswith("p=") for one in found or []):
        yield ok("DKIM", f"{name} has a key")
    elif selector:
        yield wrong("DKIM", f"{name} has no key", "publish the key that your mail server signs with")
    elif found is None:
        yield warning("DKIM", f"nothing is below {name}", "let the mail server sign, and publish its key")
    else:
        yield not_asked("DKIM", "--dkim-selector NAME names the key to look at")


def checks(send_to: str, selector: str) -> list[Check]:
    """All of mail; a local site has no domain to look at."""
    found = [Check("mail", lambda: server(send_to), TODO)]
    if settings.PRODUCTION:
        todo = "look at this machine's DNS"
        found += [Check("SPF", spf, todo), Check("DKIM", lambda: dkim(selector), todo), Check("DMARC", dmarc, todo)]
    return found
