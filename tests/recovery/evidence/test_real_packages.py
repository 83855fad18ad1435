"""Forty real packages: what a ticket of their owner asks for, and the whole story for three of them."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from recoverydesk.projects.models import File, Project, Release, RepositoryLink
from recoverydesk.recovery import workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Boundary, Claim, Source, Status
from recoverydesk.recovery.permissions import SYSTEM, staff
from tests.helpers import decided, factories
from tests.helpers.files import ROOT
from tests.helpers.hosts import Host
from tests.helpers.links import branch_in, let_time_pass, link_in, mails_to
from tests.helpers.projects import DOCUMENTS

UPLOADED = "2026-03-01T00:00:00Z"
WITHOUT = {"beautifulsoup4", "mercurial", "pycrypto", "reportlab", "slixmpp"}
# read off the documents by eye: host/owner of the repository each names
EXPECTED = {
    "attrs": "github.com/python-attrs",
    "azure-core": "github.com/azure",
    "b4": "git.kernel.org/pub/scm/utils/b4",
    "babel": "github.com/python-babel",
    "breezy": "github.com/breezy-team",
    "celery": "github.com/celery",
    "chardet": "github.com/chardet",
    "django": "github.com/django",
    "django-otp": "github.com/django-otp",
    "docutils": "sourceforge.net/docutils",
    "dulwich": "github.com/dulwich",
    "flask": "github.com/pallets",
    "gevent": "github.com/gevent",
    "html5lib": "github.com/html5lib",
    "launchpadlib": "launchpad.net/launchpadlib",
    "lxml": "github.com/lxml",
    "numpy": "github.com/numpy",
    "openpyxl": "foss.heptapod.net/openpyxl",
    "paramiko": "github.com/paramiko",
    "pillow": "github.com/python-pillow",
    "psycopg": "github.com/psycopg",
    "pyflakes": "github.com/pycqa",
    "python-debian": "salsa.debian.org/python-debian-team",
    "python-gitlab": "github.com/python-gitlab",
    "pyyaml": "github.com/yaml",
    "requests": "github.com/psf",
    "ruamel-yaml": "sourceforge.net/ruamel-yaml",
    "scikit-learn": "github.com/scikit-learn",
    "setuptools": "github.com/pypa",
    "sh": "github.com/amoffat",
    "sphinx": "github.com/sphinx-doc",
    "sqlalchemy": "github.com/sqlalchemy",
    "trio": "github.com/python-trio",
    "twisted": "github.com/twisted",
    "zope-interface": "github.com/zopefoundation",
}


def rows() -> list[int]:
    return [model.objects.count() for model in (Project, Release, File, RepositoryLink)]


def boundaries_of(project: str) -> list[str]:
    """Open a ticket for a user who owns just this project and name its asked boundaries."""
    owner = factories.make_user(f"owner-of-{project}")
    factories.add_role(Project.objects.get(normalized_name=project), owner)
    opened = workflow.open_ticket(subject=owner, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL)
    return [str(row) for row in opened.ticket.boundaries.filter(kind=Boundary.Kind.ASKED)]


@pytest.mark.django_db
def test_all_forty_documents_are_imported_once_and_their_owners_tickets_ask_for_the_right_boundaries() -> None:
    call_command("import_projects", *map(str, DOCUMENTS), "--uploaded-at", UPLOADED, verbosity=0)
    first = rows()
    call_command("import_projects", *map(str, DOCUMENTS), "--uploaded-at", UPLOADED, verbosity=0)
    assert rows() == first
    names = set(Project.objects.values_list("normalized_name", flat=True))
    assert len(DOCUMENTS) == len(names) == 40
    assert names == WITHOUT | EXPECTED.keys()
    assert {name: boundaries_of(name) for name in names} == {
        **{name: [boundary] for name, boundary in EXPECTED.items()},
        **{name: [] for name in WITHOUT},
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["attrs", "flask", "pyyaml"])
def test_the_story_runs_for_real_packages_with_their_repositories_on_the_local_host(
    name: str, host: Host, tmp_path: Path, client: Client
) -> None:
    text = (ROOT / "tests" / "data" / "projects" / f"{name}.json").read_text()
    document = tmp_path / f"{name}.json"
    document.write_text(text.replace("https://github.com/", f"{host.url}/"))
    repository = repository_of(json.loads(document.read_text()), host)
    url = host.create(repository)
    owner = factories.make_user("owner")
    factories.add_totp(owner)
    call_command("import_projects", str(document), "--owner", "owner", "--uploaded-at", UPLOADED, verbosity=0)
    admin = factories.make_user("grace", staff=True, groups=["Admins"])

    client.post("/recover/", {"username": "owner", "claim": "second_factor", "codes": "lost"})
    sweep.sweep()
    sweep.sweep()
    challenge = mails_to("owner@example.org", "Show us")[0]
    assert url in challenge
    host.push(url, branch_in(challenge), tmp_path)
    code = client.post(link_in(challenge, "/recover/status/"), {"pushed": "1"}, follow=True).context["return_code"]
    sweep.sweep()
    ticket = owner.recovery_tickets.get()
    assert ticket.status == Status.WAITING
    assert [str(row) for row in ticket.boundaries.all()] == [f"{host.key}/{repository.split('/')[0]}"]
    let_time_pass(ticket)
    decided.reset(ticket.pk, actor=staff(admin), reason="its boundary is proved, waited")
    sweep.sweep()
    choose = link_in(mails_to("owner@example.org", "Choose")[0], "/recover/password/")
    client.post(choose, {"code": code, "password": "another long phrase", "again": "another long phrase"})
    assert User.objects.get(pk=owner.pk).check_password("another long phrase")


def repository_of(document: dict[str, dict[str, dict[str, str]]], host: Host) -> str:
    """The "owner/name" of the first project URL at the host that names a repository."""
    urls = document["info"]["project_urls"].values()
    paths = [url.removeprefix(f"{host.url}/").strip("/") for url in urls if url.startswith(host.url)]
    return next(path.lower() for path in paths if path.count("/") == 1 and not path.startswith("sponsors/"))
