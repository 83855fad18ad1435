"""An issuer on this machine that the site knows, ada who owns spam, and a publisher of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from common.transport import client as transport
from recoverydesk.projects.models import Project
from recoverydesk.publishers import verbs
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from tests.helpers import certificates, factories
from tests.helpers.issuers import LocalIssuer, MakeIssuer, Swap, local_issuer


@pytest.fixture
def make_issuer(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeIssuer]:
    """Run an issuer and let the site know it, and no other."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / certificates.AUTHORITY))
    transport.tls_context.cache_clear()
    with ExitStack() as stack:

        def make(kind: str = "github", **options: Any) -> LocalIssuer:
            made = stack.enter_context(local_issuer(tmp_path, kind, **options))
            transport.tls_context.cache_clear()  # each has a certificate of its own
            settings.PUBLISHER_ISSUERS = (made.issuer,)
            return made

        yield make
    transport.tls_context.cache_clear()


@pytest.fixture
def issuer(make_issuer: MakeIssuer) -> LocalIssuer:
    return make_issuer()


@pytest.fixture
def ada(ada: User) -> User:
    factories.add_app(ada)
    return ada


@pytest.fixture
def spam(ada: User) -> Project:
    return factories.make_project("spam", ada)


@pytest.fixture
def publisher(spam: Project, ada: User, issuer: LocalIssuer) -> Publisher:
    return verbs.add(spam, issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)


@pytest.fixture
def swap(client: Client) -> Swap:
    """Send a statement as the clients do."""

    def send(token: object) -> Any:
        return client.post("/_/oidc/mint-token", {"token": token}, content_type="application/json")

    return send
