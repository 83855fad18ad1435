"""The queue: which tickets a tab, a filter or a search holds. Reads only; every answer is bounded in size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import Count, F, IntegerField, Q, QuerySet, Subquery
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.numbers import whole_number
from recoverydesk.recovery.desk import flags as desk_flags
from recoverydesk.recovery.desk import search
from recoverydesk.recovery.desk.assignment import AWAKE
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Status, Turn

PER_PAGE = 50
MOST_PAGES = 200
COUNTED = 1000
CSV_ROWS = 5000
SHOWN = (
    "subject__username", "assigned_to__username", "claim", "status", "turn", "turn_since", "opened_at", "closed_at",
    "wait_until", "issue_url", "challenges_itself", "snoozed_at", "snoozed_until", "disputed_at", "signed_in_at",
    "contact_bounced_at", "claimant_wrote_at", "completed_at", "doubt", "objected_at", "objection_settled_at",
)  # fmt: skip
ALL = "all"
QUEUES: dict[str, tuple[Any, Q]] = {
    "ours": (_("Our turn"), Q(turn=Turn.OURS) & AWAKE),
    "mine": (_("Mine"), Q(closed_at=None)),
    "theirs": (_("Claimant's turn"), Q(turn=Turn.THEIRS)),
    "clock": (_("Waiting period"), Q(turn=Turn.CLOCK)),
    "ready": (_("Ready for an admin"), Q(status=Status.READY)),
    "closed": (_("Closed"), Q(closed_at__isnull=False)),
    ALL: (_("All"), Q()),
}
ORDER: dict[str, tuple[Any, ...]] = {
    "closed": ("-closed_at", "-id"),
    ALL: (F("closed_at").desc(nulls_first=True), "turn_since", "id"),
}
SORTS: dict[str, str] = {  # what the columns' heads sort by; a minus before it turns the order round
    "number": "id",
    "account": "subject__username",
    "situation": "status",
    "turn": "turn_since",
    "opened": "opened_at",
    "with": "assigned_to__username",
}
PARAMETERS = frozenset({"queue", "q", "claim", "status", "flag", "with", "sort", "page"})  # of a queue's address


@dataclass(frozen=True)
class Asked:
    """What a queue's address asks for. Unknown values count as not given, so that an old link still opens."""

    queue: str = "ours"
    q: str = ""
    claim: str = ""
    status: str = ""
    flag: str = ""
    holder: str = ""
    sort: str = ""
    page: int = 1

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Asked":
        q = values.get("q", "").strip()[: search.LONGEST]
        default = ALL if q else "ours"
        return cls(
            queue=_known(values, "queue", list(QUEUES)) or default,
            q=q,
            claim=_known(values, "claim", Claim.values),
            status=_known(values, "status", Status.values),
            flag=_known(values, "flag", list(desk_flags.FLAGS)),
            holder=values.get("with", "")[:50],
            sort=_known(values, "sort", [*SORTS, *(f"-{name}" for name in SORTS)]),
            page=min(whole_number(values.get("page", "")) or 1, MOST_PAGES),
        )

    def address(self, **other: object) -> str:
        """The query string of this view, with some values changed; pages start anew unless `page` is given."""
        values = {"queue": self.queue, "q": self.q, "claim": self.claim, "status": self.status, "flag": self.flag}
        values |= {"with": self.holder, "sort": self.sort} | {name: str(value) for name, value in other.items()}
        return urlencode({name: value for name, value in values.items() if value})


def _known(values: Mapping[str, str], name: str, known: list[str]) -> str:
    return values[name] if values.get(name, "") in known else ""


@dataclass
class QueueRow:
    """One line of the queue."""

    ticket: RecoveryTicket
    flags: list[desk_flags.Flag] = field(default_factory=list)
    asked: int = 0
    proved: int = 0

    # Django's get_…_display hashes every choice at each call: a fifth of the page.
    @property
    def claim(self) -> str:
        return str(Claim(self.ticket.claim).label)

    @property
    def status(self) -> str:
        return str(Status(self.ticket.status).label)

    @property
    def doubt(self) -> str:
        """The rung of an open ticket whose wait is written; the ticket page says why."""
        known = self.ticket.is_open and self.ticket.doubt is not None
        return gettext("doubt %(number)d") % {"number": self.ticket.doubt} if known else ""

    @property
    def turn(self) -> str:
        return str(Turn(self.ticket.turn).label)


@dataclass
class Found:
    """One page of the queue. `cut` says that a search stopped at its limit and more letters would help."""

    rows: list[QueueRow] = field(default_factory=list)
    more: bool = False
    cut: bool = False


def condition(queue: str, user: User) -> Q:
    """Which tickets a tab holds for this member of staff."""
    return Q(assigned_to=user.pk) & QUEUES["mine"][1] if queue == "mine" else QUEUES[queue][1]


def tickets(asked: Asked, user: User) -> tuple[QuerySet[RecoveryTicket], bool]:
    """The tickets of a view in their order, and whether its search was cut short. A search is about six queries."""
    asleep = asked.queue == "ours" and asked.flag == "snoozed"  # what is put off has no other tab while nobody has it
    held = Q(turn=Turn.OURS) if asleep else condition(asked.queue, user)
    found = RecoveryTicket.objects.filter(held, _filters(asked, user))
    cut = False
    if asked.q:
        ids, cut = search.find_tickets(asked.q)
        found = found.filter(pk__in=ids)
    return found.order_by(*_order(asked)), cut


def _order(asked: Asked) -> tuple[Any, ...]:
    """As a column's head asks, else as the tab is read: the longest waiting first."""
    if not asked.sort:
        return ORDER.get(asked.queue, ("turn_since", "id"))
    column, turned = F(SORTS[asked.sort.lstrip("-")]), asked.sort.startswith("-")
    return (column.desc(nulls_last=True) if turned else column.asc(nulls_last=True), "id")


@dataclass(frozen=True)
class Head:
    """The head of a column that sorts: where it leads, and how the list is sorted by it now ("" for not)."""

    query: str
    sorted: str


def heads(asked: Asked) -> dict[str, Head]:
    """Each column that sorts, by its name in SORTS; a second press turns the order round."""
    shown = {asked.sort: "ascending" if asked.sort in SORTS else "descending"} if asked.sort else {}
    return {
        name: Head(
            query=asked.address(sort=f"-{name}" if asked.sort == name else name),
            sorted=shown.get(name, shown.get(f"-{name}", "")),
        )
        for name in SORTS
    }


def _filters(asked: Asked, user: User) -> Q:
    wanted = Q()
    if asked.claim:
        wanted &= Q(claim=asked.claim)
    if asked.status:
        wanted &= Q(status=asked.status)
    if asked.flag:
        wanted &= desk_flags.FLAGS[asked.flag].condition
    if asked.holder:
        names = {"me": Q(assigned_to=user.pk), "nobody": Q(assigned_to=None)}
        wanted &= names.get(asked.holder) or Q(assigned_to__username=asked.holder)
    return wanted


def queue_page(asked: Asked, user: User, now: datetime) -> Found:
    """Fifty tickets, without counting the others. Two queries and those of the search."""
    found, cut = tickets(asked, user)
    start = (asked.page - 1) * PER_PAGE
    got = rows(found[start : start + PER_PAGE + 1], now)
    return Found(got[:PER_PAGE], len(got) > PER_PAGE and asked.page < MOST_PAGES, cut)


def rows(found: QuerySet[RecoveryTicket], now: datetime) -> list[QueueRow]:
    """The lines of these tickets, with how many boundaries are proved. Two queries."""
    got = list(found.select_related("subject", "assigned_to").only(*SHOWN))
    lines = {ticket.pk: QueueRow(ticket) for ticket in got}
    asked = Boundary.objects.filter(ticket__in=list(lines), kind=Boundary.Kind.ASKED).values("ticket")
    for count in asked.annotate(asked=Count("id"), proved=Count("proved_at")):
        lines[count["ticket"]].asked, lines[count["ticket"]].proved = count["asked"], count["proved"]
    for line in lines.values():
        line.flags = desk_flags.flags_of_ticket(line.ticket, now, asked=line.asked)
    return list(lines.values())


class _Count(Subquery):
    """How many rows a query with a limit finds, inside another query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def counts(user: User) -> dict[str, str]:
    """How many tickets each tab holds, counted no further than a thousand: "12", "999+". One query."""
    tabs = {name: RecoveryTicket.objects.filter(condition(name, user)) for name in QUEUES}
    found = {name: _Count(tab.order_by().values("pk")[:COUNTED]) for name, tab in tabs.items()}
    row = cast(dict[str, int], User.objects.filter(pk=user.pk).values(**found).get())
    return {name: str(number) if number < COUNTED else f"{COUNTED - 1}+" for name, number in row.items()}


def workers() -> list[User]:
    """Everybody in a group, or with a right of their own, that works tickets; by name. Never looks at all accounts."""
    right = "work_recoveryticket"
    in_groups = User.groups.through.objects.filter(group__permissions__codename=right).values("user_id")
    alone = User.user_permissions.through.objects.filter(permission__codename=right).values("user_id")
    able = User.objects.filter(pk__in=in_groups.union(alone), is_staff=True, is_active=True, frozen_at=None)
    return list(able.only("pk", "username").order_by("username"))
