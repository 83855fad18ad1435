"""What each link of a release counts for, should its owner lose a factor today."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from recoverydesk.projects.links import Carried
from recoverydesk.projects.models import Project, RepositoryLink
from recoverydesk.recovery.code_hosts.described import stored_hosts
from recoverydesk.recovery.evidence import unused_links
from recoverydesk.recovery.evidence.unused_links import Reason


@dataclass(frozen=True)
class LinkState:
    """`made` is the link that names an account or organisation we would ask for, `young` when it is too new to;
    `reason` why there is none."""

    made: RepositoryLink | None = None
    young: bool = False
    reason: Reason | None = None


def of_release(project: Project, urls: list[list[str]], now: datetime) -> dict[str, LinkState]:
    """Return the state of each of these links ([label, URL] pairs) by its URL. Two queries."""
    made: dict[str, RepositoryLink] = {}
    for row in project.links.counting().order_by("-first_seen"):
        made[row.url] = row
    carried = [Carried(project.name, urls, now, now, 1)]
    unused = unused_links.read(carried, {(row.host, row.namespace) for row in made.values()}, stored_hosts())
    why = {link.url: group.reason for group in unused.groups for link in group.links}
    young_since = now - settings.RECOVERY_YOUNG_LINK
    return {url: _state(made.get(url), why.get(url), young_since) for _label, url in urls}


def _state(made: RepositoryLink | None, reason: Reason | None, young_since: datetime) -> LinkState:
    if reason is not None or made is None:
        return LinkState(reason=reason)
    return LinkState(made, young=made.first_seen > young_since)
