"""Who may speak for a workflow: the issuers of PUBLISHER_ISSUERS and nobody else. No owner types an issuer's address.

An entry is `KIND URL [ALGORITHM] [private] [CLAIM ...]`: `github` and `gitlab` know what to look at, `other` is told by
the claims it names, all of which an owner fills in. `private` allows an address inside the network and another port.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

GITHUB, GITLAB, OTHER = KINDS = ("github", "gitlab", "other")
ALGORITHMS = ("RS256", "ES256")  # one per issuer, so that no token chooses how it is checked
DEFAULT = "github https://token.actions.githubusercontent.com, gitlab https://gitlab.com"
WANTED = (
    "give github, gitlab or other, an https:// address, and for other the claims to match, separated by spaces; "
    "issuers are separated by commas"
)
MOST_CLAIMS = 5
OURS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})  # checked for every token, never an owner's to match


class WrongIssuer(ValueError):
    """This is no entry of PUBLISHER_ISSUERS; the message is the entry."""


@dataclass(frozen=True)
class Issuer:
    """One issuer: what its tokens look like, with which algorithm it signs, whether it may be inside the network."""

    kind: str
    url: str
    algorithm: str = "RS256"
    private: bool = False
    claims: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """How people know it."""
        host = urlsplit(self.url).netloc
        return "github.com" if host == "token.actions.githubusercontent.com" else host


def read(text: str) -> tuple[Issuer, ...]:
    """Read the setting. Raises WrongIssuer with the first entry that is none."""
    found = tuple(_entry(entry) for entry in text.split(",") if entry.strip())
    if len({one.url for one in found}) < len(found):
        raise WrongIssuer(text)
    return found


def _entry(text: str) -> Issuer:
    kind, url, *words = [*text.split(), "", ""][: max(2, len(text.split()))]
    algorithm = next((word for word in words if word in ALGORITHMS), "RS256")
    claims = tuple(word for word in words if word not in (*ALGORITHMS, "private"))
    right = kind in KINDS and _is_address(url) and bool(claims) == (kind == OTHER)
    if not right or len(claims) > MOST_CLAIMS or OURS & set(claims):
        raise WrongIssuer(text.strip())
    return Issuer(kind, url, algorithm, "private" in words, claims)


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    extra = parts.query or parts.fragment or parts.username or parts.password
    return parts.scheme == "https" and bool(parts.hostname) and not extra
