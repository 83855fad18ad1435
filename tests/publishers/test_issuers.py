"""The setting that says who may speak for a workflow."""

import pytest

from recoverydesk.publishers import issuers
from recoverydesk.publishers.issuers import Issuer

HOST = "https://ci.example"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", ()),
        (f"gitlab {HOST}", (Issuer("gitlab", HOST),)),
        (f"github {HOST}/_services/token private ES256", (Issuer("github", f"{HOST}/_services/token", "ES256", True),)),
        (f"other {HOST}:8443 RS256 sub job", (Issuer("other", f"{HOST}:8443", claims=("sub", "job")),)),
        (
            f" other  {HOST} sub ,gitlab https://b.example,",
            (Issuer("other", HOST, claims=("sub",)), Issuer("gitlab", "https://b.example")),
        ),
    ],
)
def test_an_entry_says_kind_address_algorithm_and_claims(text: str, meant: tuple[Issuer, ...]) -> None:
    assert issuers.read(text) == meant


def test_the_default_is_github_and_gitlab() -> None:
    assert [(one.kind, one.place) for one in issuers.read(issuers.DEFAULT)] == [
        ("github", "github.com"),
        ("gitlab", "gitlab.com"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "github",
        HOST,
        "bitbucket https://bitbucket.example",
        "gitlab http://gitlab.example",
        "gitlab https://clerk:word@gitlab.example",
        "gitlab https://gitlab.example?x=1",
        "gitlab https://",
        f"gitlab {HOST} sub",
        f"other {HOST}",
        f"other {HOST} aud",
        f"other {HOST} a b c d e f",
        f"gitlab {HOST}, github {HOST}",
    ],
)
def test_what_is_no_entry_ends_the_start(text: str) -> None:
    with pytest.raises(issuers.WrongIssuer):
        issuers.read(text)


def test_an_algorithm_that_is_not_ours_is_the_name_of_a_claim() -> None:
    assert issuers.read(f"other {HOST} HS256")[0] == Issuer("other", HOST, claims=("HS256",))
