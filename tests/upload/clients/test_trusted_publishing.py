"""uv, twine and the mint step of pypa's action, as people install them, swap a statement of a local issuer over TLS."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from django.core.management import call_command

from recoverydesk.projects.models import File, Project
from recoverydesk.publishers import verbs
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from tests.helpers import certificates, factories
from tests.helpers.issuers import LocalIssuer, local_issuer
from tests.upload.clients.drivers import Ran, built, run, write_project
from tests.upload.clients.environments import Program
from tests.upload.server import Server, gunicorn

pytestmark = [pytest.mark.clients, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
Upload = Callable[[str], Ran]


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[LocalIssuer]:
    with local_issuer(tmp_path) as issuer:
        yield issuer


@pytest.fixture
def publisher(issuer: LocalIssuer, transactional_db: None) -> Publisher:
    """Of a project that is not there yet: the first upload makes it."""
    user = factories.make_user("ada")
    factories.add_app(user)
    return verbs.add_for_new("by-ci", issuer.issuer, Workflow("ada/spam", "release.yml"), actor=user)


@pytest.fixture
def server(tmp_path: Path, issuer: LocalIssuer) -> Iterator[Server]:
    certificate, trust = certificates.signed_for_localhost(tmp_path), tmp_path / certificates.AUTHORITY
    known = {"PUBLISHER_ISSUERS": f"github {issuer.url} private", "SSL_CERT_FILE": str(trust)}
    with gunicorn(tmp_path, certificate=certificate, trust=trust, more=known) as server:
        yield server


@pytest.fixture
def job(tmp_path: Path, issuer: LocalIssuer) -> dict[str, str]:
    """What GitHub puts into the environment of a job that may ask for a statement."""
    certificate = str(tmp_path / certificates.AUTHORITY)
    return {
        "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret of the job",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?api-version=2.0", "SSL_CERT_FILE": certificate,
        "REQUESTS_CA_BUNDLE": certificate,
    }  # fmt: skip


@pytest.fixture
def upload(program: Program, tmp_path: Path, server: Server, job: dict[str, str]) -> Upload:
    def publish(client: str) -> Ran:
        folder, to = tmp_path / "source", f"{server.url}/legacy/"
        write_project(folder, "by-ci")
        made = run([str(program("flit")), "build", "--no-use-vcs"], folder, SOURCE_DATE_EPOCH="1700000000")
        assert made.code == 0, made.output
        if client == "uv":
            command = [str(program("uv")), "publish", "--trusted-publishing", "always", "--no-config"]
            quiet = {"UV_CACHE_DIR": str(folder / ".uv"), "UV_HTTP_RETRIES": "0"}
            return run([*command, "--publish-url", to, *built(folder)], folder, **quiet, **job)
        script = (  # it does this for two hosts only, and takes ours for one of them; all else is its own code
            "import sys, twine.__main__, twine.utils\n"
            "twine.utils.TEST_REPOSITORY = sys.argv[-1]\n"
            "sys.exit(twine.__main__.main())\n"
        )
        command = [str(program("twine").parent / "python"), "-c", script, "upload", "--non-interactive"]
        return run([*command, "--disable-progress-bar", *built(folder), "--repository-url", to], folder, **job)

    return publish


@pytest.mark.parametrize("client", ["uv", "twine"])
def test_a_client_publishes_with_nothing_but_the_statement_of_its_job(
    client: str, publisher: Publisher, upload: Upload, issuer: LocalIssuer
) -> None:
    ran = upload(client)
    assert ran.code == 0, ran.output
    assert set(File.objects.values_list("filename", flat=True)) == {"by_ci-1.0-py3-none-any.whl", "by_ci-1.0.tar.gz"}
    publisher.refresh_from_db()
    assert publisher.project == Project.objects.get(normalized_name="by-ci")
    assert publisher.repository_id == "22"
    assert issuer.asked() == 1
    call_command("check_invariants")


@pytest.mark.parametrize("client", ["uv", "twine"])
def test_a_client_shows_why_it_gets_no_token(client: str, upload: Upload, transactional_db: None) -> None:
    ran = upload(client)
    assert ran.code != 0
    assert "No project has a trusted publisher for the repository ada/spam" in ran.output
    assert not File.objects.exists()


def test_the_mint_step_of_the_action_is_answered_as_it_expects(
    publisher: Publisher, server: Server, issuer: LocalIssuer, job: dict[str, str], tmp_path: Path
) -> None:
    """Its three requests (oidc-exchange.py), each with what the script reads of the answer."""
    trust = str(tmp_path / certificates.AUTHORITY)
    audience = requests.get(f"{server.url}/_/oidc/audience", verify=trust, timeout=30).json()["audience"]
    asked = {"audience": audience, "api-version": "2.0"}
    statement = requests.get(f"{issuer.url}/token", asked, verify=trust, timeout=30).json()["value"]
    mint = f"{server.url}/_/oidc/mint-token"
    minted = requests.post(mint, json={"token": statement}, verify=trust, timeout=30)
    assert minted.ok, minted.text
    assert minted.json()["token"].startswith("recoverydesk-")
    again = requests.post(mint, json={"token": statement}, verify=trust, timeout=30)
    assert not again.ok
    assert [sorted(error) for error in again.json()["errors"]] == [["code", "description"]]
