"""Staged releases as their people see them: files, who staged them from where, and what they change."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts.models import User
from audit import history
from audit.models import EventDetail
from recoverydesk.projects import uploaders
from recoverydesk.projects.models import Release, Role
from recoverydesk.projects.sightings import Reader as Links
from recoverydesk.staging import ending, errors, reading
from recoverydesk.staging.comparing import Difference, compare
from recoverydesk.staging.models import StagedFile, StagedRelease

ON_A_PAGE = 20


@dataclass(frozen=True)
class Line:
    """One file; `token` is what its owner calls it, `network` where the upload came from, each empty where erased or
    not for this reader (ADR 0160)."""

    file: StagedFile
    token: str
    network: str


@dataclass(frozen=True)
class Shown:
    """One staged release; `digest` stands for its files, `why_not` says why the reader cannot publish it.

    `choosable`: the reader can at least discard it.
    """

    release: StagedRelease
    lines: list[Line]
    difference: Difference
    digest: str
    why_not: str
    choosable: bool


def of(user: User) -> QuerySet[StagedRelease]:
    """What waits in projects where the user has a role that is not on hold, what expires first first.

    `same` is the id of the published release of that version, `newest` that of the one published last.
    """
    mine = Role.objects.filter(project=OuterRef("project"), user=user, accepted_at__isnull=False, held_at=None)
    published = Release.objects.filter(project=OuterRef("project"), deleted_at=None)
    same = published.filter(version=OuterRef("version")).values("pk")[:1]
    newest = published.order_by("-uploaded_at", "-pk").values("pk")[:1]
    found = reading.waiting().filter(Exists(mine)).annotate(same=Subquery(same), newest=Subquery(newest))
    return found.select_related("project").order_by("staged_at", "pk")


def show(releases: Iterable[StagedRelease], user: User, read: Links) -> list[Shown]:
    """Read these releases of `of` for a page. Six queries, seven where a guard asks for a factor."""
    rows = list(releases)
    files, last, reader = _files(rows), _last(rows), ending.reader_of(user)
    open_to = reader.owns if not reader.limited else frozenset[int]()
    told = [file for row in rows if row.project_id in open_to for file in files[row.pk]]
    networks = _networks(told, user)
    names = uploaders.token_names([file.token for file in told])
    shown = []
    for row in rows:
        mine, before = files[row.pk], last.get(row.pk)
        tokens = names if row.project_id in open_to else {}
        lines = [Line(one, tokens.get(one.token, ""), networks.get(one.event, "")) for one in mine]
        difference = compare(mine, before, read)
        why_not, choosable = _why_not(row, mine, reader)
        shown.append(Shown(row, lines, difference, reading.shown(mine), why_not, choosable))
    return shown


def _networks(files: list[StagedFile], reader: User) -> dict[int, str]:
    """From where each was uploaded, by its event: the reader's own as it is, of others cut short."""
    found = EventDetail.objects.filter(event_id__in=[one.event for one in files]).values_list("event_id", "network")
    own = {one.event for one in files if one.stager_id == reader.pk}
    return {event: network if event in own else history.cut_short(network) for event, network in found}


def _files(rows: list[StagedRelease]) -> dict[int, list[StagedFile]]:
    found: dict[int, list[StagedFile]] = {row.pk: [] for row in rows}
    for file in StagedFile.objects.filter(release__in=rows).select_related("stager").order_by("filename"):
        found[file.release_id].append(file)
    return found


def _last(rows: list[StagedRelease]) -> dict[int, Release]:
    """For each the release of the same version that more files would join, else the one uploaded last."""
    ids: dict[int, int] = {}
    for row in rows:
        joined, newest = getattr(row, "same", None), getattr(row, "newest", None)
        if found := joined or newest:
            ids[row.pk] = found
    releases = Release.objects.select_related("about").prefetch_related("files").in_bulk(set(ids.values()))
    return {pk: releases[one] for pk, one in ids.items() if one in releases}


def _why_not(row: StagedRelease, files: list[StagedFile], reader: ending.Reader) -> tuple[str, bool]:
    try:
        ending.check_publisher(row, files, reader)
    except (errors.NotPublisher, errors.PublisherInQuarantine, errors.LacksFactor) as refusal:
        return str(refusal), False
    except errors.StagingError as refusal:
        return str(refusal), True
    return "", True
