"""What somebody tries who has no publisher, another one's repository, an issuer of their own, or a lot of time."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import User
from common.transport.client import Limits
from recoverydesk.projects.models import Project
from recoverydesk.publishers import keys, verbs
from recoverydesk.publishers.issuers import Issuer
from recoverydesk.publishers.models import IssuerKeys, Publisher
from recoverydesk.publishers.shapes import Workflow
from tests.helpers.far_ends import http
from tests.helpers.issuers import (
    DISCOVERY,
    JWKS,
    LocalIssuer,
    MakeIssuer,
    Swap,
    as_json,
    ec_key,
    github,
    refusal,
    rsa_key,
    signed_with_public_key,
    unsigned,
)
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
Forge = Callable[[LocalIssuer], str]


def whole(issuer: LocalIssuer, **changes: Any) -> dict[str, Any]:
    return issuer.times() | github() | changes


FORGED: dict[str, Forge] = {
    "no algorithm": lambda issuer: unsigned(whole(issuer)),
    "no algorithm, in capitals": lambda issuer: unsigned(whole(issuer), alg="NONE"),
    "no algorithm said to be ours": lambda issuer: unsigned(whole(issuer), alg="RS256"),
    "the public key as a secret": lambda issuer: signed_with_public_key(issuer, whole(issuer)),
    "a key of another kind": lambda issuer: issuer.sign(whole(issuer), key=ec_key(), alg="ES256"),
    "a key of somebody else's": lambda issuer: issuer.sign(whole(issuer), key=rsa_key("two")),
    "a key in the token": lambda issuer: issuer.sign(
        whole(issuer), key=rsa_key("two"), jwk=rsa_key("two").as_dict(private=False)
    ),
    "no key named": lambda issuer: issuer.sign(whole(issuer), kid=None),
    "other claims under the signature": lambda issuer: ".".join(
        [
            *unsigned(whole(issuer)).split(".")[:2],
            issuer.sign(whole(issuer)).split(".")[2],
        ]
    ),
    "for PyPI": lambda issuer: issuer.sign(whole(issuer, aud="pypi")),
    "for two at once": lambda issuer: issuer.sign(whole(issuer, aud=["localhost", "pypi"])),
    "for nobody": lambda issuer: issuer.sign(whole(issuer, aud=None)),
    "expired": lambda issuer: issuer.sign(whole(issuer, exp=int(time.time()) - 1)),
    "without an end": lambda issuer: issuer.sign({k: v for k, v in whole(issuer).items() if k != "exp"}),
    "with an end for ever": lambda issuer: issuer.sign(whole(issuer, exp=1e300)),
    "that ends in a year": lambda issuer: issuer.sign(whole(issuer, exp=int(time.time()) + 365 * 86400)),
    "with an end that is true": lambda issuer: issuer.sign(whole(issuer, exp=True)),
    "not valid yet": lambda issuer: issuer.sign(whole(issuer, nbf=int(time.time()) + 600)),
    "made in the future": lambda issuer: issuer.sign(whole(issuer, iat=int(time.time()) + 600)),
    "without an id": lambda issuer: issuer.sign(whole(issuer, jti="")),
    "longer than a statement is": lambda issuer: issuer.sign(whole(issuer, pad="x" * 16_000)),
    "of an issuer nobody listed": lambda issuer: issuer.sign(whole(issuer, iss="https://evil.example")),
    "of an issuer spelt otherwise": lambda issuer: issuer.sign(whole(issuer, iss=issuer.url + "/")),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_statement_is_swapped_for_nothing(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, how: str
) -> None:
    assert refusal(swap(FORGED[how](issuer)))[0] == "invalid-token"
    assert not ApiToken.objects.exists()


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "another repository": (github("eve/spam"), "No project has"),
    "another workflow": (github(file="evil.yml"), "No project has"),
    "a workflow in other letters": (github(file="Release.yml"), "No project has"),
    "a pull request": ({"event_name": "pull_request"}, "pull or merge request"),
    "a pull request with the repository's rights": ({"event_name": "pull_request_target"}, "pull or merge request"),
    "the branch of a pull request": (github(ref="refs/pull/1/merge"), "pull or merge request"),
    "a reusable workflow of a stranger": (
        {"job_workflow_ref": "eve/tools/.github/workflows/release.yml@refs/heads/main"},
        "not from a reusable workflow",
    ),
    "a reusable workflow of the same repository": (
        {"job_workflow_ref": "ada/spam/.github/workflows/other.yml@refs/tags/v1"},
        "not from a reusable workflow",
    ),
    "the workflow called from another one": (
        {"workflow_ref": "ada/spam/.github/workflows/evil.yml@refs/tags/v1"},
        "not from a reusable workflow",
    ),
    "the workflow as it is on another branch": (
        {"job_workflow_ref": "ada/spam/.github/workflows/release.yml@refs/heads/evil"},
        "not from a reusable workflow",
    ),
    "a number that is longer than any": ({"repository_owner_id": "1" * 65}, "is longer than 64 characters"),
    "no numbers": ({"repository_id": None}, "no claim repository_id"),
    "a repository that is no text": ({"repository": ["ada/spam"]}, "no claim repository"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_genuine_statement_of_something_else_is_swapped_for_nothing(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, what: str
) -> None:
    claims, words = OTHERS[what]
    assert words in refusal(swap(issuer.token(**claims)))[1]
    assert not ApiToken.objects.exists()


def test_a_repository_that_took_the_name_of_a_deleted_one_is_another(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap
) -> None:
    """Eve registers the account name that ada gave up, and makes a repository of the same name."""
    assert swap(issuer.token()).status_code == 200
    for recycled in ({"repository_id": "99"}, {"repository_owner_id": "98"}):
        assert "is bound to the repository with the number 22" in refusal(swap(issuer.token(**recycled)))[1]
    assert swap(issuer.token(repository_id=22)).status_code == 200, "a number is a number, however it is written"


def test_an_environment_must_be_the_one_github_without_regard_to_case(
    spam: Project, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    verbs.add(spam, issuer.issuer, Workflow("ada/spam", "release.yml", "PyPI"), actor=ada)
    assert swap(issuer.token(environment="pypi")).status_code == 200
    for given in (None, "", "pypi2", "pypi ", "pyp\u0131"):
        assert "wants the environment PyPI" in refusal(swap(issuer.token(environment=given)))[1]


def test_an_environment_must_be_the_one_gitlab_letter_by_letter(
    spam: Project, ada: User, make_issuer: MakeIssuer, swap: Swap
) -> None:
    issuer = make_issuer("gitlab")
    verbs.add(spam, issuer.issuer, Workflow("ada/spam", ".gitlab-ci.yml", "PyPI"), actor=ada)
    assert swap(issuer.token(environment="PyPI")).status_code == 200
    assert "wants the environment" in refusal(swap(issuer.token(environment="pypi")))[1]


def test_a_flood_of_unknown_keys_asks_the_issuer_once_a_minute(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap
) -> None:
    for number in range(10):
        text = issuer.sign(whole(issuer), kid=f"k{number}")
        assert "no key of this id" in refusal(swap(text))[1]
    assert issuer.asked() == issuer.asked(DISCOVERY) == 1
    assert swap(issuer.token()).status_code == 200


def test_a_new_key_is_found_after_a_minute(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    swap(issuer.token())
    issuer.keys = [dict(rsa_key("new").as_dict(private=False))]
    rotated = issuer.sign(whole(issuer), key=rsa_key("new"), kid="new")
    assert "no key of this id" in refusal(swap(rotated))[1]
    IssuerKeys.objects.update(tried_at=None)
    assert swap(rotated).status_code == 200
    assert "no key of this id" in refusal(swap(issuer.token()))[1], "what the issuer withdrew opens nothing"


def endless(first: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(100 * 16):
        yield b" " * 65536


LIES: dict[str, Callable[[LocalIssuer], Any]] = {
    "a hundred megabytes": lambda _: endless(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"),
    "another place": lambda issuer: http(302, Location=f"{issuer.url}/elsewhere"),
    "an error": lambda _: http(500),
    "no JSON": lambda _: http(200, body=b"<html>"),
    "a list": lambda _: as_json([1]),
    "deep nesting": lambda _: http(200, body=b'{"a":' * 9_000),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
@pytest.mark.parametrize("what", LIES)
def test_an_issuer_that_answers_badly_is_not_believed(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, what: str, path: str
) -> None:
    issuer.said[path] = LIES[what](issuer)
    began = time.monotonic()
    assert "cannot get the keys" in refusal(swap(issuer.token()))[1]
    assert time.monotonic() - began < 12
    assert issuer.asked("/elsewhere") == 0
    assert IssuerKeys.objects.get().jwks == ""


def test_an_issuer_that_drips_holds_us_up_for_seconds_only(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while not issuer.host.stopped.wait(0.05):
            yield b"X"

    monkeypatch.setattr(keys, "LIMITS", Limits(resolve=1, step=0.5, total=0.5, body=65536))
    issuer.said[JWKS] = drip()
    began = time.monotonic()
    assert "cannot get the keys" in refusal(swap(issuer.token()))[1]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "jwks",
    [
        "http://localhost/jwks",
        "https://169.254.169.254/latest",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "https://[",
        5,
    ],
)
def test_an_issuer_cannot_send_us_elsewhere_inside(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, jwks: object
) -> None:
    issuer.said[DISCOVERY] = as_json({"issuer": issuer.url, "jwks_uri": jwks})
    assert "cannot get the keys" in refusal(swap(issuer.token()))[1]


def test_an_issuer_inside_the_network_is_asked_only_where_the_operator_says_so(
    spam: Project, ada: User, make_issuer: MakeIssuer, swap: Swap
) -> None:
    issuer = make_issuer(private=False)
    verbs.add(spam, issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)
    assert "cannot get the keys" in refusal(swap(issuer.token()))[1]
    assert issuer.host.asked == []


def test_an_issuer_speaks_for_itself_alone(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    issuer.said[DISCOVERY] = as_json({"issuer": "https://other.example", "jwks_uri": issuer.url + JWKS})
    assert "cannot get the keys" in refusal(swap(issuer.token()))[1]


def test_nobody_makes_us_ask_an_address_of_theirs(swap: Swap, issuer: LocalIssuer, settings: Any) -> None:
    """The issuer of a token is looked up in the setting before anything is asked; owners cannot add one."""
    settings.PUBLISHER_ISSUERS = (Issuer("github", "https://token.example"),)
    assert refusal(swap(issuer.token()))[1].startswith("We know no such issuer")
    assert issuer.host.asked == []


WEAK: dict[str, dict[str, Any]] = {
    "small": dict(rsa_key().as_dict(private=False)) | {"n": str(rsa_key().as_dict(private=False)["n"])[:171]},
    "large": dict(rsa_key().as_dict(private=False)) | {"n": "z" * 3000},
    "for encryption": dict(rsa_key().as_dict(private=False)) | {"use": "enc"},
    "secret": {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
    "huge exponent": dict(rsa_key().as_dict(private=False)) | {"e": "A" * 400},
    "no key": {"kty": "RSA", "kid": "one"},
    "numbers": {"kty": "RSA", "kid": "one", "n": 5, "e": 3},
}


@pytest.mark.parametrize("what", WEAK)
def test_a_weak_key_of_an_issuer_checks_nothing(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, what: str
) -> None:
    issuer.keys = [WEAK[what]]
    assert "is none for RS256" in refusal(swap(issuer.token()))[1]


@pytest.mark.parametrize("curve", ["secp256k1", "nonsense", "P-384", 5, None])
def test_a_key_on_another_curve_checks_nothing(
    spam: Project, ada: User, make_issuer: MakeIssuer, swap: Swap, curve: object
) -> None:
    other = make_issuer("other", algorithm="ES256", claims=("sub",))
    verbs.add(spam, other.issuer, Workflow(claims=(("sub", "farm"),)), actor=ada)
    other.keys = [dict(ec_key().as_dict(private=False)) | {"crv": curve}]
    assert "is none for ES256" in refusal(swap(other.token(sub="farm")))[1]


def test_two_keys_of_one_id_are_none(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    issuer.keys = [dict(rsa_key().as_dict(private=False)), dict(rsa_key("two").as_dict(private=False)) | {"kid": "one"}]
    assert "no key of this id" in refusal(swap(issuer.token()))[1]


def test_a_statement_is_in_no_event_and_no_answer(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    token = issuer.token(repository="eve/spam")
    assert token.split(".")[1] not in json.dumps(swap(token).json())
