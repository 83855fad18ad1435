"""Whether our own mail server found that the sender's domain stands behind a mail (DMARC; RFC 8601, RFC 7489)."""

import re

from django.conf import settings

COMMENT = re.compile(r"\([^()]*\)")
DMARC = re.compile(r"dmarc\s*=\s*([a-z]+)", re.I)
DOMAIN = re.compile(r"\bheader\.from\s*=\s*\"?@?([A-Za-z0-9.-]+)", re.I)


def passed(headers: tuple[str, ...], sender: str) -> bool:
    """Whether the one result of our server (MAIL_AUTHSERV_ID) says that DMARC passed for the domain of `sender`.

    Results of other servers count for nothing. With two of ours that speak of DMARC one is forged, so neither counts.
    """
    ours = [said for said in map(_dmarc, headers) if said]
    return len(ours) == 1 and ours[0] == ("pass", sender.rpartition("@")[2].lower()) and "@" in sender


def _dmarc(header: str) -> tuple[str, str] | None:
    """Result and domain of a header of ours; None for another server's, and for one that does not speak of DMARC."""
    plain = COMMENT.sub(" ", " ".join(header.split())[:4000])
    server, _semicolon, results = plain.partition(";")
    mine = settings.MAIL_AUTHSERV_ID.lower()
    if not mine or server.split(" ")[0].lower() != mine:
        return None
    found = [one for one in results.split(";") if DMARC.match(one.strip())]
    if not found:
        return None
    result, domain = DMARC.match(found[0].strip()), DOMAIN.search(found[0])
    if len(found) > 1 or result is None or domain is None:
        return "unclear", ""
    return result[1].lower(), domain[1].lower().rstrip(".")
