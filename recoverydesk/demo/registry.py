"""The sample registry's projects, and the repositories they name on the local code host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone
from rich.progress import track

from accounts.models import User
from recoverydesk.demo import codehost
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Role


@dataclass(frozen=True)
class Sample:
    """One project: its owners, the repository it names ("owner/name", a whole URL or none), days since each release."""

    name: str
    owners: Sequence[str]
    source: str = ""
    days: Sequence[int] = (700, 300, 90)


PROJECTS = (
    Sample("difference-engine", ("ada", "bo"), "ada/engine"),
    Sample("engine-docs", ("ada",), "analytical/engine-docs", (500, 40)),
    Sample("noor-notes", ("noor",)),
    Sample("lee-tools", ("lee",), "lee/tools"),
    Sample("sam-core", ("sam",), "sam/core"),
    Sample("sam-web", ("sam",), "webteam/sam-web"),
    Sample("sam-cli", ("sam", "lee"), "clitools/sam-cli"),
    Sample("sam-data", ("sam",), "datagroup/sam-data"),
    Sample("sam-secret", ("sam",), "https://git.example.org/hidden/sam-secret.git"),
    Sample("river", ("bo",), "bo/river"),
    Sample("lantern", ("dai",), "dai/lantern"),
    Sample("compass", ("eva",), "eva/compass"),
    Sample("anchor", ("finn",), "finn/anchor"),
    Sample("harbour", ("gus",), "gus/harbour"),
    Sample("tide", ("hana",), "hana/tide"),
    Sample("ivy", ("ivo",), "ivo/ivy"),
    Sample("kite", ("kofi",), "kofi/kite"),
    Sample("lute", ("lior",), "lior/lute"),
    Sample("meadow", ("maya",), "maya/meadow"),
    Sample("nest", ("nils",), "nils/nest"),
    Sample("nest-egg", ("nils",), "https://git.example.org/nils-archive/nest-egg.git"),
    Sample("orchid", ("olga",), "olga/orchid"),
    Sample("pear", ("pia",), "pia/pear"),
    Sample("reed", ("rene",), "rene/reed"),
    Sample("tulip", ("tara",), "tara/tulip"),
)


def make_registry(users: Mapping[str, User], root: Path, origin: str) -> None:
    """Record every project with its releases and owners, and make its repository under `root`."""
    for sample in track(PROJECTS, "Projects  "):
        url = sample.source if "://" in sample.source else f"{origin}/{sample.source}"
        if sample.source and url.startswith(origin):
            codehost.create_repository(root, sample.source, commits=2)
        _project(sample, users, [("Source", url)] if sample.source else [("Documentation", "https://docs.example.org")])


def _project(sample: Sample, users: Mapping[str, User], urls: list[tuple[str, str]]) -> None:
    project, _created = services.ensure_project(sample.name, actor=users[sample.owners[0]])
    times = [timezone.now() - timedelta(days=days) for days in sample.days]
    for number, uploaded_at in enumerate(times):
        services.record_release(project, version=f"1.{number}", uploaded_at=uploaded_at, urls=urls)
    for owner in sample.owners:
        _own(project, users[owner], times[0])


def _own(project: Project, user: User, since: datetime) -> None:
    Role.objects.create(project=project, user=user, kind=Role.Kind.OWNER, created_at=since, accepted_at=since)
