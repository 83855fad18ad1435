"""Which hosts are the public ones of the table."""

import pytest

from recoverydesk.recovery.repository_urls.known_hosts import is_known
from recoverydesk.recovery.repository_urls.url_text import Address


@pytest.mark.parametrize(
    ("host", "port", "known"),
    [
        ("github.com", None, True),
        ("contoso.visualstudio.com", None, True),
        ("github.com", 8443, False),
        ("contoso.visualstudio.com", 8443, False),
        ("git.example.org", None, False),
        ("visualstudio.com", None, False),
        ("a.contoso.visualstudio.com", None, False),
        ("contoso.visualstudio.com.example.org", None, False),
    ],
)
def test_a_public_host_is_known_at_its_usual_port(host: str, port: int | None, known: bool) -> None:
    assert is_known(Address("https", host, port, ["a", "b"])) == known
