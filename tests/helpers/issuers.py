"""An issuer of OpenID tokens on this machine: real TLS with a certificate of its own, real signatures."""

import base64
import functools
import hmac
import itertools
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from recoverydesk.publishers.issuers import Issuer
from tests.helpers import certificates
from tests.helpers.far_ends import Asked, RawHost, Said, http, running

AUDIENCE = "localhost"
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/jwks"
NUMBERS = itertools.count(1)


@functools.cache
def rsa_key(kid: str = "one") -> RSAKey:
    """Making one takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"kid": kid})


@functools.cache
def ec_key(kid: str = "one") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


@dataclass
class LocalIssuer:
    """What it says can be replaced piece by piece: `said[path]` is an answer, `keys` what the JWKS lists."""

    host: RawHost
    kind: str = "github"
    algorithm: str = "RS256"
    claims: tuple[str, ...] = ()
    private: bool = True
    keys: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, Said] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.host.port}"

    @property
    def issuer(self) -> Issuer:
        return Issuer(self.kind, self.url, self.algorithm, self.private, self.claims)

    @property
    def key(self) -> RSAKey | ECKey:
        return rsa_key() if self.algorithm == "RS256" else ec_key()

    def answer(self, asked: Asked) -> Said:
        path, _, query = asked.target.partition("?")
        if path == "/token":  # GitHub's, from within a job
            return as_json({"value": self.token(aud=dict(parse_qsl(query)).get("audience"))})
        if asked.target in self.said:
            return self.said[asked.target]
        if asked.target == DISCOVERY:
            return as_json({"issuer": self.url, "jwks_uri": self.url + JWKS})
        listed = self.keys or [dict(self.key.as_dict(private=False)) | {"alg": self.algorithm, "use": "sig"}]
        return as_json({"keys": listed}) if asked.target == JWKS else http(404)

    def asked(self, path: str = JWKS) -> int:
        """How often a path was asked for."""
        return sum(one.target == path for one in self.host.asked)

    def sign(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        """A token with these claims and no others."""
        head = {"alg": self.algorithm, "kid": "one", "typ": "JWT"} | header
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, claims, key or self.key, algorithms=[head["alg"]])

    def times(self) -> dict[str, Any]:
        now = int(time.time())
        until = {"iat": now, "nbf": now, "exp": now + 300}
        return {"iss": self.url, "aud": AUDIENCE, "jti": f"id-{next(NUMBERS)}", **until}

    def token(self, **changes: Any) -> str:
        """What a workflow of ada/spam gets from GitHub or GitLab, or the times alone; None leaves a claim out."""
        shapes: dict[str, Callable[[], dict[str, Any]]] = {
            "github": github,
            "gitlab": functools.partial(gitlab, host=f"localhost:{self.host.port}"),
        }
        shape = shapes.get(self.kind, lambda: {})
        changed = {name: value for name, value in (self.times() | shape() | changes).items() if value is not None}
        return self.sign(changed)


MakeIssuer = Callable[..., LocalIssuer]
Swap = Callable[..., Any]  # sends a statement and returns the answer


def refusal(response: Any) -> tuple[str, str]:
    """Code and sentence of a refused request."""
    assert response.status_code == 422, response.content
    error = response.json()["errors"][0]
    return error["code"], error["description"]


def github(repository: str = "ada/spam", file: str = "release.yml", ref: str = "refs/tags/v1") -> dict[str, Any]:
    here = f"{repository}/.github/workflows/{file}@{ref}"
    return {
        "sub": f"repo:{repository}:ref:{ref}", "repository": repository, "repository_owner": repository.split("/")[0],
        "repository_owner_id": "11", "repository_id": "22", "ref": ref, "sha": "a" * 40, "event_name": "release",
        "workflow_ref": here, "job_workflow_ref": here, "run_id": "33", "actor": "ada",
    }  # fmt: skip


def gitlab(project: str = "ada/spam", file: str = ".gitlab-ci.yml", *, host: str = "gitlab.com") -> dict[str, Any]:
    ref = "refs/heads/main"
    return {
        "sub": f"project_path:{project}:ref_type:branch:ref:main", "project_path": project, "project_id": "22",
        "namespace_id": "11", "ref_path": ref, "sha": "a" * 40, "pipeline_source": "push", "pipeline_id": "33",
        "ci_config_ref_uri": f"{host}/{project}//{file}@{ref}",
    }  # fmt: skip


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    """A token with `alg: none` and no signature."""
    return ".".join(_part(json.dumps(one).encode()) for one in ({"alg": "none", "kid": "one"} | header, claims)) + "."


def signed_with_public_key(issuer: LocalIssuer, claims: dict[str, Any]) -> str:
    """HS256 with the bytes of the public key, which everybody has, as the secret. joserfc refuses to make it."""
    signed = unsigned(claims, alg="HS256")[:-1]
    return f"{signed}.{_part(hmac.digest(issuer.key.as_pem(private=False), signed.encode(), 'sha256'))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def as_json(value: Any) -> bytes:
    return http(200, "application/json", json.dumps(value).encode())


@contextmanager
def local_issuer(folder: Path, kind: str = "github", **options: Any) -> Iterator[LocalIssuer]:
    """Run one whose certificate the authority in `folder` signed, which SSL_CERT_FILE must name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.signed_for_localhost(folder))
    box: list[LocalIssuer] = []
    with running(lambda asked: box[0].answer(asked), tls=context) as host:
        box.append(LocalIssuer(host, kind, **options))
        yield box[0]
