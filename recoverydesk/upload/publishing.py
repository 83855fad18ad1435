"""From a token, a form and a file to a published or a staged file: one transaction, whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from audit.log import RequestOrigin
from common.clock import database_now
from recoverydesk.projects import files, release_mails, services
from recoverydesk.projects.archives import declared, distribution, metadata
from recoverydesk.projects.archives.distribution import Contents
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.files import Incoming
from recoverydesk.projects.models import File, Project
from recoverydesk.projects.published import FileFact, InvalidFact
from recoverydesk.publishers import acting
from recoverydesk.staging import keeping, reading
from recoverydesk.staging.models import StagedRelease
from recoverydesk.upload import agreement, guarding, letters, naming, rules
from recoverydesk.upload.answers import UploadRefused
from recoverydesk.upload.form import Form
from tokens.caveats import UPLOAD, Failure
from tokens.checking import Opened, TokenRefused, judge, open_token


@dataclass(frozen=True)
class Upload:
    """What one request brought. `token` was opened when it came; `text` is for opening it again under the lock."""

    token: Opened
    text: str
    form: Form
    content: Incoming
    origin: RequestOrigin


def publish(upload: Upload) -> StagedRelease | None:
    """Publish the file, unless exactly this file is published already; or stage it, and return where it waits.

    Raises UploadRefused.
    """
    where = _permit_first(upload)
    _check_file(upload)
    named = naming.check_name(upload.form, str(upload.content.name))
    known = _known(upload)
    if known and where.project is None:  # another upload made both since
        where = _permit_first(upload)
    if rules.is_repeated(where, known, named.filename, upload.content.digest("sha256")):
        return None
    if (waiting := _waiting(upload, where)) is not None:
        return waiting
    rules.check_release(where, named)
    contents = _check_archive(upload, named)
    try:
        return _record(upload, contents)
    except (InvalidFact, services.RoleError) as error:
        raise UploadRefused(400, str(error)) from error


def _known(upload: Upload) -> File | None:
    return rules.known_file(str(upload.content.name), upload.content.digest("sha256"))


def _waiting(upload: Upload, where: rules.Target) -> StagedRelease | None:
    """Where this very file is staged already. Raises UploadRefused where its name or bytes are another's."""
    filename, sha256 = str(upload.content.name), upload.content.digest("sha256")
    row = reading.known_file(filename, sha256)
    return row.release if row and rules.is_staged(where, row, filename, sha256) else None


def opened(token: str) -> Opened:
    """Open a token. Raises UploadRefused with the reason."""
    with _in_words():
        return open_token(token)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except TokenRefused as error:
        raise UploadRefused(403, f"Invalid API Token: {error.reason}") from error


def _permit_first(upload: Upload) -> rules.Target:
    with _in_words():
        token = acting.acting(upload.token, upload.form.name)
    return _permit(upload, token)


def _permit(upload: Upload, token: Opened) -> rules.Target:
    """Ask caveats, roles and guards. Raises UploadRefused."""
    form = upload.form
    where = rules.target(form.name, form.version)
    verdict = judge(token, token.context(UPLOAD, where.facts(), where.release_facts(str(form.version))))
    if isinstance(verdict, Failure):
        raise UploadRefused(403, f"Invalid API Token: {verdict.reason}")
    rules.check_permission(token.user, where)
    guarding.check(token, where)
    return where


def _check_file(upload: Upload) -> None:
    """The bytes must be what the form promised."""
    if str(upload.content.content_type).startswith("image/"):
        raise UploadRefused(400, "Invalid distribution file.")
    if any(upload.content.digest(kind) != value for kind, value in upload.form.digests.items()):
        message = "The digest supplied does not match a digest calculated from the uploaded file."
        raise UploadRefused(400, message)


def _check_archive(upload: Upload, named: distribution.Distribution) -> Contents:
    try:
        contents = distribution.inspect(upload.content.bytes, upload.content.length, named)
        declared.check_declared(contents, upload.form.raw.get("license_files", []))
    except InvalidArchive as error:
        raise UploadRefused(400, f"Invalid distribution file. {error}") from error
    if problem := metadata.kept_problem(contents.raw, contents.unread):
        raise UploadRefused(400, f"Invalid distribution file. {problem}")
    agreement.check_agreement(upload.form.raw, contents.raw)
    return contents


def _record(upload: Upload, contents: Contents) -> StagedRelease | None:
    """Ask everything again under the project's lock, write rows and event, move the file; nothing for a repetition."""
    with files.undone() as made, transaction.atomic():
        with _in_words():
            token = acting.acting(open_token(upload.text), upload.form.name)
        project = services.open_project(upload.form.name, owner=token.user, token=token.row.id, origin=upload.origin)
        project = Project.objects.select_for_update().get(pk=project.pk)
        with _in_words():
            token = acting.acting_in(token, project)
        where = _permit(upload, token)
        if rules.is_repeated(where, _known(upload), str(upload.content.name), upload.content.digest("sha256")):
            return None
        if (waiting := _waiting(upload, where)) is not None:
            return waiting
        rules.check_release(where, contents.distribution)
        if reading.is_staging(project):
            staged, new = _stage(upload, token, where, project, contents)
            made += new
            return staged
        replaced = rules.replaced(where, contents.distribution.filename)
        _write(upload, token, where, contents)
        what = contents.distribution.filename if where.release else f"{project.name} {upload.form.version}"
        release_mails.tell_in_quarantine(project, token.user, what)
        if replaced:
            letters.tell_of_replacement(project, token.user, contents.distribution.filename, replaced)
        made += files.keep(upload.content, contents.metadata)
    return None


def _stage(
    upload: Upload, token: Opened, where: rules.Target, project: Project, contents: Contents
) -> tuple[StagedRelease, list[str]]:
    described = metadata.described(contents.raw)
    fact = _fact(upload, database_now(), described.requires_python, contents)
    staged = keeping.Staged(fact, contents.metadata, described.links, described.about)
    known = where.release or where.staged
    version = known.version if known else str(upload.form.version)
    return keeping.stage(
        project, version, staged, upload.content, stager=token.user, token=token.row.id, origin=upload.origin
    )


def _write(upload: Upload, token: Opened, where: rules.Target, contents: Contents) -> None:
    described = metadata.described(contents.raw)
    now = database_now()
    assert where.project is not None
    services.record_release(
        where.project,
        version=where.release.version if where.release else str(upload.form.version),
        uploaded_at=where.release.uploaded_at if where.release else now,
        urls=described.links,
        about=described.about,
        files=[_fact(upload, now, described.requires_python, contents)],
        uploader=token.user,
        origin=upload.origin,
        token=token.row.id,
    )


def _fact(upload: Upload, now: datetime, requires_python: str, contents: Contents) -> FileFact:
    filename, sha256 = str(upload.content.name), upload.content.digest("sha256")
    return FileFact(
        filename=filename,
        packagetype=upload.form.filetype,
        size=upload.content.length,
        sha256=sha256,
        uploaded_at=now,
        requires_python=requires_python,
        stored_as=files.stored_name(filename, sha256),
        metadata_sha256=contents.metadata_sha256,
    )
