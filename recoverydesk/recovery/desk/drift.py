"""What happened since a ticket's boundaries were frozen: shown beside them, and changing nothing. Reads only."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from recoverydesk.projects.models import RepositoryLink
from recoverydesk.projects.names import normalize
from recoverydesk.recovery.models import Boundary, RecoveryTicket

COMPARED = 1_000  # frozen repositories, the same number of each boundary's newest
MOST = 5_000  # links

Link = Mapping[str, Any]


@dataclass
class Stored:
    """The links of the projects on the list, as they are now; `cut` says that there were more than were read."""

    same: dict[tuple[str, str], list[Link]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: dict[str, Link] = field(default_factory=dict)
    cut: bool = False


def sentences(ticket: RecoveryTicket, boundaries: list[Boundary]) -> dict[int, list[str]]:
    """What to say on each boundary, by its id: links changed since, later releases that name others. One query."""
    frozen = {row.pk: _own(row, len(boundaries)) for row in boundaries}
    every = [one for rows in frozen.values() for one in rows]
    stored = _stored(ticket, every) if every else Stored()
    said = {row.pk: list(chain(_changed(row, frozen[row.pk], stored), _later(row, stored))) for row in boundaries}
    return {pk: found for pk, found in said.items() if found}


def _own(row: Boundary, boundaries: int) -> list[dict[str, Any]]:
    """The repositories that releases named; one that staff added was never stored."""
    return [one for one in row.repositories[: max(1, COMPARED // boundaries)] if one["project"]]


def _stored(ticket: RecoveryTicket, frozen: list[dict[str, Any]]) -> Stored:
    """Those of the frozen URLs first, then those to places that are not on the list, the newest first."""
    urls = {one["url"] for one in frozen}
    on_list = Boundary.objects.filter(ticket=ticket, host=OuterRef("host"), namespace=OuterRef("namespace"))
    known, other = Q(url__in=urls), ~Q(host="") & ~Exists(on_list)
    links = RepositoryLink.objects.filter(project__normalized_name__in={normalize(one["project"]) for one in frozen})
    judged = links.annotate(
        known=ExpressionWrapper(known, BooleanField()), other=ExpressionWrapper(other, BooleanField())
    )
    rows = list(judged.filter(known | other).order_by("-known", "-last_seen", "-id").values(*COLUMNS)[:MOST])
    found = Stored(cut=len(rows) == MOST)
    for link in rows:
        project = link["project__normalized_name"]
        if link["url"] in urls:
            found.same[project, link["url"]].append(link)
        if link["other"]:
            found.elsewhere.setdefault(project, link)
    return found


COLUMNS = (
    "project__normalized_name", "url", "host", "namespace", "repository", "first_seen", "last_release__version",
    "other",
)  # fmt: skip


def _changed(row: Boundary, frozen: list[dict[str, Any]], stored: Stored) -> Iterator[str]:
    date = date_format(row.added_at, "Y-m-d")
    for one in frozen:
        links = stored.same.get((normalize(one["project"]), one["url"]), [])
        if any(_is_same(row, one, link) for link in links) or (stored.cut and not links):
            continue
        told = {"url": one["url"], "date": date}
        told["place"] = f"{links[0]['host']}/{links[0]['namespace']}/{links[0]['repository']}" if links else ""
        if links and links[0]["host"] and told["place"] != f"{row}/{one['repository']}":
            yield (
                _(
                    "The link %(url)s was changed to %(place)s after %(date)s. For this "
                    "ticket, we still use the links of %(date)s."
                )
                % told
            )
        else:
            yield (
                _(
                    "The link %(url)s was changed or deleted after %(date)s. For this ticket, "
                    "we still use the links of %(date)s."
                )
                % told
            )


def _is_same(row: Boundary, one: dict[str, Any], link: Link) -> bool:
    """The same place, and not younger than it was when it was frozen."""
    place = (link["host"], link["namespace"], link["repository"]) == (row.host, row.namespace, one["repository"])
    return place and link["first_seen"] <= datetime.fromisoformat(one["first_seen"])


def _later(row: Boundary, stored: Stored) -> Iterator[str]:
    date = date_format(row.added_at, "Y-m-d")
    for project in dict.fromkeys(one["project"] for one in row.repositories if one["project"]):
        link = stored.elsewhere.get(normalize(project))
        if link is not None:
            place, version = f"{link['host']}/{link['namespace']}", link["last_release__version"]
            told = {"version": version, "project": project, "place": place, "date": date}
            sentence = _(
                "Release %(version)s of %(project)s links to %(place)s. The claimant does "
                "not have to prove it, because we use the links of %(date)s."
            )
            yield sentence % told
