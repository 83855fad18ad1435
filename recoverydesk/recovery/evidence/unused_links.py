"""Every link that made no boundary, and why: computed whenever it is shown, never stored.

Whatever the desk does not understand, a person sees.
"""

import functools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from accounts.models import User
from recoverydesk.projects import labels
from recoverydesk.projects import links as project_links
from recoverydesk.projects.models import Project
from recoverydesk.recovery.code_hosts.described import stored_hosts
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.repository_urls.parser import Hosts, Place, Why, as_repository, parse, refusal, why_none

SHOWN = 30  # links of one group
Owner = tuple[str, str]


class Reason(StrEnum):
    """Why a link makes no boundary, in the order in which a person should look."""

    STRANGER = "stranger"
    REFUSED = "refused"
    PAGE = "page"
    LABEL = "label"
    BEHIND = "behind"
    NO_CODE = "no-code"
    OTHER = "other"
    COVERED = "covered"


WHY = {Why.STRANGER: Reason.STRANGER, Why.REFUSED: Reason.REFUSED, Why.PAGE: Reason.PAGE, Why.NO_CODE: Reason.NO_CODE}


@dataclass
class UnusedLink:
    """One URL with who carries it; `repository` is what staff may ask for instead, empty where nothing can be."""

    url: str
    detail: str
    repository: str
    first: datetime
    last: datetime
    releases: int = 0
    labels: dict[str, None] = field(default_factory=dict)
    projects: dict[str, None] = field(default_factory=dict)

    def add(self, label: str, carried: project_links.Carried) -> None:
        """Count further releases that carry it."""
        self.labels[label], self.projects[carried.project] = None, None
        self.first, self.last = min(self.first, carried.first), max(self.last, carried.last)
        self.releases += carried.releases

    @property
    def why_added(self) -> str:
        """The reason of the button that asks for it, for the log."""
        return f"named by releases of {', '.join(self.projects)} as {', '.join(self.labels)}"[:500]


@dataclass(frozen=True)
class Group:
    """Links that made no boundary for one reason; `more` are not listed."""

    reason: Reason
    links: list[UnusedLink]
    more: int


@dataclass(frozen=True)
class UnusedLinks:
    """All of them; `any_link` is false where no release carries a link at all, `cut` true where not all were read."""

    groups: list[Group]
    any_link: bool
    cut: bool

    @property
    def number(self) -> int:
        return sum(len(group.links) + group.more for group in self.groups)


def of_ticket(ticket: RecoveryTicket, asked: Collection[Owner]) -> UnusedLinks:
    """Those of the subject's projects at the time of the request, beside the owners the ticket lists. Three queries."""
    return read(project_links.carried_links(ticket.subject, before=ticket.requested_at), asked, stored_hosts())


def of_account(user: User, owners: Collection[Owner], now: datetime) -> UnusedLinks:
    """Those of an account as it is now, beside the owners its links name. Three queries."""
    return read(project_links.carried_links(user, before=now), owners, stored_hosts())


def of_project(project: Project, owners: Collection[Owner]) -> UnusedLinks:
    """Those of all releases of one project, beside the owners its links name. Three queries."""
    return read(project_links.carried_by(project), owners, stored_hosts())


def read(carried: list[project_links.Carried], owners: Collection[Owner], hosts: Hosts) -> UnusedLinks:
    """Group what these releases carry. Pure; each URL is read once."""
    place_of = functools.cache(lambda url: parse(url, hosts))
    found: dict[Reason, dict[str, UnusedLink]] = {reason: {} for reason in Reason}
    for one in carried:
        for label, url, reason in _without_boundary(one.urls, frozenset(owners), place_of, hosts):
            link = found[reason].get(url) or _link(url, label, reason, one, hosts)
            found[reason][url] = link
            link.add(label, one)
    groups = [_group(reason, links.values()) for reason, links in found.items() if links]
    any_link = any(url not in labels.ABSENT for one in carried for _label, url in one.urls)
    return UnusedLinks(groups, any_link=any_link, cut=len(carried) == project_links.MOST_CARRIED)


def _without_boundary(
    urls: list[list[str]], owners: frozenset[Owner], place_of: "functools._lru_cache_wrapper[Place]", hosts: Hosts
) -> Iterator[tuple[str, str, Reason]]:
    counting = labels.candidates(urls, lambda url: place_of(url).names_repository)
    made = {url for _kind, _label, url in counting if place_of(url).names_repository}
    looked_at = {url for _kind, _label, url in counting}
    for label, url in urls:
        if url in labels.ABSENT or url in made:
            continue
        there = as_repository(url, hosts)
        if there.names_repository and (there.host, there.namespace) in owners:
            yield label, url, Reason.COVERED
        elif place_of(url).names_repository:
            yield label, url, Reason.BEHIND if labels.kind_of(label) else Reason.LABEL
        elif url in looked_at or labels.kind_of(label):
            yield label, url, WHY[why_none(url, hosts) or Why.PAGE]
        else:
            yield label, url, Reason.OTHER


def _link(url: str, label: str, reason: Reason, one: project_links.Carried, hosts: Hosts) -> UnusedLink:
    askable = reason not in (Reason.COVERED, Reason.OTHER)
    place = as_repository(url, hosts) if askable else Place(url)
    return UnusedLink(url, refusal(url, hosts), url if place.names_repository else "", one.first, one.last)


def _group(reason: Reason, links: Iterable[UnusedLink]) -> Group:
    newest = sorted(links, key=lambda link: (link.last, link.url), reverse=True)
    return Group(reason, newest[:SHOWN], max(0, len(newest) - SHOWN))
