"""What a caveat allows. Each is a frozen dataclass with a numeric tag that is never used again for anything else.

The wire form is a compact JSON array `[tag, field, ...]`. Fields are positional and only ever appended; further
fields than we know are ignored. Tags 0 to 3 mean what they mean on PyPI, ours begin at 100. Nothing here knows a
database: a Context carries plain values.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol
from uuid import UUID

from packaging.version import InvalidVersion, Version

SHOW, UPLOAD, READ = "show", "upload", "read"  # a token may always be shown to its holder; the others are actions
OPEN_FOR = timedelta(hours=24)
LARGEST_TIME = 2**53
MOST_NAMES = 1_000
_decode = json.JSONDecoder().decode  # what json.loads comes to, made once


class BadCaveat(ValueError):
    """The bytes are no caveat we know; a token with such a one is refused. The message says why."""


@dataclass(frozen=True)
class Success:
    """The caveat allows it."""


@dataclass(frozen=True)
class Failure:
    """The caveat forbids it; `reason` is for the token's holder."""

    reason: str


Verdict = Success | Failure


@dataclass(frozen=True)
class Project:
    """The project an action is about: its normalised name, and its id once it exists."""

    name: str
    uid: UUID | None


@dataclass(frozen=True)
class Release:
    """The version an action is about, and what is known about it: who opened it, and which is the newest so far."""

    version: str
    newest: str | None = None
    opened_at: datetime | None = None
    opened_by: UUID | None = None


@dataclass(frozen=True)
class Context:
    """What is being done: by the token and user of the row, at a time (aware)."""

    token: UUID
    user: UUID
    now: datetime
    action: str
    project: Project | None = None
    release: Release | None = None


class Caveat(Protocol):
    """One restriction."""

    tag: ClassVar[int]

    def verify(self, context: Context) -> Verdict: ...
    def fields(self) -> list[Any]: ...
    @classmethod
    def read(cls, fields: list[Any]) -> "Caveat": ...


@dataclass(frozen=True)
class Expiration:
    """Good from `not_before` until just before `expires_at`, in seconds since 1970."""

    tag: ClassVar[int] = 0
    expires_at: int
    not_before: int

    def verify(self, context: Context) -> Verdict:
        now = context.now.timestamp()
        return Success() if self.not_before <= now < self.expires_at else Failure("token is expired")

    def fields(self) -> list[Any]:
        return [self.expires_at, self.not_before]

    @classmethod
    def read(cls, fields: list[Any]) -> "Expiration":
        return cls(_time(fields, 0), _time(fields, 1))


@dataclass(frozen=True)
class ProjectName:
    """Good for projects of these normalised names."""

    tag: ClassVar[int] = 1
    names: tuple[str, ...]

    def verify(self, context: Context) -> Verdict:
        if context.action == SHOW:
            return Success()
        if context.project is None:
            return Failure("project-scoped token used outside of a project context")
        if context.project.name not in self.names:
            return Failure(f"project-scoped token is not valid for project: {context.project.name!r}")
        return Success()

    def fields(self) -> list[Any]:
        return [list(self.names)]

    @classmethod
    def read(cls, fields: list[Any]) -> "ProjectName":
        return cls(_texts(fields, 0))


@dataclass(frozen=True)
class ProjectID:
    """Good for the projects of these ids, whatever they are called now; a name used again is another project."""

    tag: ClassVar[int] = 2
    ids: tuple[str, ...]

    def verify(self, context: Context) -> Verdict:
        if context.action == SHOW:
            return Success()
        if context.project is None:
            return Failure("project-scoped token used outside of a project context")
        if context.project.uid is None or str(context.project.uid) not in self.ids:
            return Failure(f"project-scoped token is not valid for project: {context.project.name!r}")
        return Success()

    def fields(self) -> list[Any]:
        return [list(self.ids)]

    @classmethod
    def read(cls, fields: list[Any]) -> "ProjectID":
        return cls(_texts(fields, 0))


@dataclass(frozen=True)
class RequestUser:
    """Good for one user, who is the token's own."""

    tag: ClassVar[int] = 3
    user: str

    def verify(self, context: Context) -> Verdict:
        same = str(context.user) == self.user
        return Success() if same else Failure("current user does not match user restriction in token")

    def fields(self) -> list[Any]:
        return [self.user]

    @classmethod
    def read(cls, fields: list[Any]) -> "RequestUser":
        return cls(_text(fields, 0))


@dataclass(frozen=True)
class NewerVersions:
    """Good for opening final and post-releases above the newest version, and for adding files to one it opened.

    From a release candidate to its final release is a step up. Files may follow for 24 hours. Whoever steals such a
    token can neither slip a file into an old release nor publish one that nobody sees.
    """

    tag: ClassVar[int] = 100

    def verify(self, context: Context) -> Verdict:
        if context.action in (SHOW, READ):
            return Success()
        if context.release is None:
            return Failure("this token can begin only newer versions: say which version")
        if context.release.opened_at is not None:
            return self._adding(context, context.release, context.release.opened_at)
        return self._opening(context.release)

    def _adding(self, context: Context, release: Release, opened_at: datetime) -> Verdict:
        if release.opened_by != context.token:
            return Failure(f"this token can begin only newer versions: {release.version} was not opened by it")
        if context.now - opened_at >= OPEN_FOR:
            return Failure(f"this token can begin only newer versions: {release.version} is older than 24 hours")
        return Success()

    def _opening(self, release: Release) -> Verdict:
        try:
            version, newest = Version(release.version), release.newest and Version(release.newest)
        except InvalidVersion:
            return Failure("this token can begin only newer versions: the version cannot be compared")
        if version.is_prerelease or version.local:
            return Failure(f"this token opens final and post-releases only: {release.version} is neither")
        if newest and version <= newest:
            return Failure(f"this token can begin only newer versions: {release.version} is not above {release.newest}")
        return Success()

    def fields(self) -> list[Any]:
        return []

    @classmethod
    def read(cls, _fields: list[Any]) -> "NewerVersions":
        return cls()


@dataclass(frozen=True)
class ReadOnly:
    """Good for installing: the index, files and staged releases can be read, and nothing is uploaded."""

    tag: ClassVar[int] = 101

    def verify(self, context: Context) -> Verdict:
        return Success() if context.action in (SHOW, READ) else Failure("this token can only install")

    def fields(self) -> list[Any]:
        return []

    @classmethod
    def read(cls, _fields: list[Any]) -> "ReadOnly":
        return cls()


KINDS: tuple[type[Caveat], ...] = (Expiration, ProjectName, ProjectID, RequestUser, NewerVersions, ReadOnly)
BY_TAG: dict[int, type[Caveat]] = {kind.tag: kind for kind in KINDS}


def dumps(caveat: Caveat) -> str:
    """Return the wire form."""
    return json.dumps([caveat.tag, *caveat.fields()], separators=(",", ":"), ensure_ascii=False)


def loads(data: bytes | str) -> Caveat:
    """Read one caveat, whatever is given. Raises BadCaveat and nothing else."""
    try:
        row = _decode(data if isinstance(data, str) else data.decode())
    except (ValueError, RecursionError):
        raise BadCaveat("caveat is not JSON") from None
    if not isinstance(row, list) or not row:
        raise BadCaveat("caveat is not an array")
    tag, *fields = row
    kind = BY_TAG.get(tag) if type(tag) is int else None
    if kind is None:
        raise BadCaveat("caveat has unknown tag")
    return kind.read(fields)


def _field(fields: list[Any], number: int) -> Any:
    if number >= len(fields):
        raise BadCaveat("not enough values")
    return fields[number]


def _time(fields: list[Any], number: int) -> int:
    value = _field(fields, number)
    if type(value) is not int or abs(value) > LARGEST_TIME:
        raise BadCaveat("caveat has a wrong time")
    return value


def _text(fields: list[Any], number: int) -> str:
    value = _field(fields, number)
    if not isinstance(value, str):
        raise BadCaveat("caveat has a wrong text")
    return value


def _texts(fields: list[Any], number: int) -> tuple[str, ...]:
    values = _field(fields, number)
    if not isinstance(values, list) or len(values) > MOST_NAMES or not all(isinstance(one, str) for one in values):
        raise BadCaveat("caveat has a wrong list")
    return tuple(values)
