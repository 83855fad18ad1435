"""From a token, a form and a file to a published file: one transaction, whole or not at all."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.files.storage import default_storage
from django.db import transaction

from audit.log import RequestOrigin
from common.clock import database_now
from recoverydesk.database.trouble import UNSURE
from recoverydesk.projects import files, services
from recoverydesk.projects.archives import declared, distribution, metadata
from recoverydesk.projects.archives.distribution import Contents
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.files import Incoming
from recoverydesk.projects.models import File, Project
from recoverydesk.projects.published import FileFact, InvalidFact
from recoverydesk.upload import agreement, letters, naming, rules
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


def publish(upload: Upload) -> bool:
    """Publish the file; False when exactly this file is published already. Raises UploadRefused."""
    where = _permit(upload, upload.token)
    _check_file(upload)
    named = naming.check_name(upload.form, str(upload.content.name))
    known = _known(upload)
    if known and where.project is None:  # another upload made both since
        where = _permit(upload, upload.token)
    if rules.is_repeated(where, known, named.filename, upload.content.digest("sha256")):
        return False
    rules.check_release(where, named)
    contents = _check_archive(upload, named)
    try:
        return _record(upload, contents)
    except (InvalidFact, services.RoleError) as error:
        raise UploadRefused(400, str(error)) from error


def _known(upload: Upload) -> File | None:
    return rules.known_file(str(upload.content.name), upload.content.digest("sha256"))


def opened(token: str) -> Opened:
    """Open a token. Raises UploadRefused with the reason."""
    try:
        return open_token(token)
    except TokenRefused as error:
        raise UploadRefused(403, f"Invalid API Token: {error.reason}") from error


def _permit(upload: Upload, token: Opened) -> rules.Target:
    """Ask caveats and roles. Raises UploadRefused."""
    form = upload.form
    where = rules.target(form.name, form.version)
    verdict = judge(token, token.context(UPLOAD, where.facts(), where.release_facts(str(form.version))))
    if isinstance(verdict, Failure):
        raise UploadRefused(403, f"Invalid API Token: {verdict.reason}")
    rules.check_permission(token.user, where)
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


def _record(upload: Upload, contents: Contents) -> bool:
    """Ask everything again under the project's lock, write rows and event, move the file; False for a repetition."""
    with _undone_files() as made, transaction.atomic():
        token = opened(upload.text)
        project = services.open_project(upload.form.name, owner=token.user, token=token.row.id, origin=upload.origin)
        Project.objects.select_for_update().get(pk=project.pk)
        where = _permit(upload, token)
        if rules.is_repeated(where, _known(upload), str(upload.content.name), upload.content.digest("sha256")):
            return False
        rules.check_release(where, contents.distribution)
        replaced = rules.replaced(where, contents.distribution.filename)
        _write(upload, token, where, contents)
        if replaced:
            letters.tell_of_replacement(project, token.user, contents.distribution.filename, replaced)
        made += files.keep(upload.content, contents.metadata)
    return True


def _write(upload: Upload, token: Opened, where: rules.Target, contents: Contents) -> None:
    described = metadata.described(contents.raw)
    now = database_now()
    assert where.project is not None
    services.record_release(
        where.project,
        version=where.release.version if where.release else str(upload.form.version),
        uploaded_at=where.release.uploaded_at if where.release else now,
        urls=described.links,
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


@contextlib.contextmanager
def _undone_files() -> Iterator[list[str]]:
    """Delete the files put into the storage when the transaction inside does not commit.

    A line that breaks at COMMIT leaves open whether it did: the file stays, for its row or for the next try.
    """
    made: list[str] = []
    try:
        yield made
    except UNSURE:
        raise
    except BaseException:
        for name in made:
            default_storage.delete(name)
        raise
