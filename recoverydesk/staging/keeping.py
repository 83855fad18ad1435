"""Staging a file: its row, its event, its bytes in a place that no index reads. The caller judged the file."""

import uuid
from dataclasses import asdict, dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from recoverydesk.projects import files
from recoverydesk.projects.models import Project
from recoverydesk.projects.published import AboutFact, FileFact, InvalidFact, ReleaseFact
from recoverydesk.staging import mails, reading
from recoverydesk.staging.models import StagedFile, StagedRelease

FOLDER = "staged"
MOST_RELEASES = 20  # of one project at a time
MOST_FILES = 100  # of one release
MOST_LARGEST_FILES = 20  # as many bytes as so many files of the largest size


@dataclass(frozen=True)
class Staged:
    """A file as it was judged: what the index will say of it, its links and what it says of its release."""

    fact: FileFact
    metadata: bytes
    urls: tuple[tuple[str, str], ...]
    about: AboutFact


def stage(
    project: Project,
    version: str,
    staged: Staged,
    content: files.Incoming,
    *,
    stager: User,
    token: UUID,
    origin: RequestOrigin | None = None,
) -> tuple[StagedRelease, list[str]]:
    """Stage one file; return its release and the names that are new in the storage. The caller has the project's row.

    Raises InvalidFact for what could not be published, and where the project has too much staged already.
    """
    ReleaseFact(version, staged.fact.uploaded_at, staged.urls, (staged.fact,))  # raises
    recovered = reading.after_recovery(project)
    release, is_new = _release(project, version, token, recovered)
    _check_room(project, release, staged.fact.size)
    event = record(
        Tag.FILE_STAGE, actor=stager, subject=stager, project=project, token=token, origin=origin,
        version=release.version, files=[staged.fact.filename], staged=str(release.uid),
    )  # fmt: skip
    name = f"{FOLDER}/{uuid.uuid4().hex}/{staged.fact.filename}"
    kept = {key: getattr(staged.fact, key) for key in ("filename", "packagetype", "size", "sha256", "requires_python")}
    StagedFile.objects.create(
        release=release, stored_as=name, stager=stager, token=token, event=event.pk, urls=staged.urls,
        metadata_sha256=staged.fact.metadata_sha256, about=asdict(staged.about), **kept,
    )  # fmt: skip
    if is_new or recovered:
        mails.tell(release, stager, event.pk)
    return release, files.keep_as(name, content, staged.metadata)


def _release(project: Project, version: str, token: UUID, recovered: bool) -> tuple[StagedRelease, bool]:
    """A recovery after its first file counts, too."""
    release, is_new = StagedRelease.objects.get_or_create(
        project=project, version=version, state=StagedRelease.State.STAGED,
        defaults={"opened_by": token, "after_recovery": recovered},
    )  # fmt: skip
    if recovered and not release.after_recovery:
        release.after_recovery = True
        release.save(update_fields=["after_recovery"])
    return release, is_new


def _check_room(project: Project, release: StagedRelease, size: int) -> None:
    """A project may stage so much: nobody fills the disk with what nobody sees."""
    most = MOST_LARGEST_FILES * int(settings.UPLOAD_MAX_MIB) * 2**20
    held = StagedFile.objects.filter(release__project=project, live=True).aggregate(bytes=Sum("size", default=0))
    many = reading.waiting().filter(project=project).count() > MOST_RELEASES or release.files.count() >= MOST_FILES
    if many or held["bytes"] + size > most:
        raise InvalidFact(
            f"Too much is staged for '{project.name}': an owner must publish or discard some of it first. "
            f"{release.version} was not staged."
        )
