"""Design rule 1: which boundaries a ticket asks for, computed once from everything published before the request."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services
from recoverydesk.projects.links import LinkFact
from recoverydesk.projects.models import Project, RepositoryLink
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.evidence import boundaries
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from tests.helpers import decided, factories
from tests.helpers.tickets import REASON, add_boundary, as_staff, make_admin, make_ticket, status_link

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
YEAR = 365 * DAY


@pytest.fixture
def now(db: None) -> datetime:
    return database_now()


@pytest.fixture
def tool(ada: User) -> Project:
    """A project of ada's without any release."""
    project, _made = services.ensure_project("tool", actor="system")
    factories.add_role(project, ada)
    return project


def publish(project: Project, version: str, when: datetime, *owners: str, deleted_at: datetime | None = None) -> None:
    """A release that names one repository `<owner>/tool` for each owner; without owners it names nothing."""
    urls = [(f"source{number or ''}", f"https://github.com/{owner}/tool") for number, owner in enumerate(owners)]
    urls = [("Source", url) for _label, url in urls]
    services.record_release(project, version=version, uploaded_at=when, urls=urls, deleted_at=deleted_at)


def open_for(user: User, requested_at: datetime | None = None) -> RecoveryTicket:
    return workflow.open_ticket(
        subject=user, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL, requested_at=requested_at
    ).ticket


def kinds(ticket: RecoveryTicket) -> dict[str, str]:
    return dict(ticket.boundaries.values_list("namespace", "kind"))


def test_all_releases_count_the_deleted_ones_too(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 300 * DAY, "first")
    publish(tool, "2", now - 200 * DAY, "second", deleted_at=now - 199 * DAY)
    publish(tool, "3", now - 100 * DAY, "third")
    assert kinds(open_for(ada)) == {"first": "asked", "second": "asked", "third": "asked"}


def test_every_accepted_role_counts_and_no_invitation(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 300 * DAY, "own")
    for name, kind, accepted in (("kept", "maintainer", True), ("invited", "owner", False)):
        project = factories.make_project(name, urls=[("Source", f"https://github.com/{name}/r")])
        factories.add_role(project, ada, kind=kind, accepted=accepted)
    factories.make_project("foreign", factories.make_user("kim"), urls=[("Source", "https://github.com/foreign/r")])
    assert set(kinds(open_for(ada))) == {"own", "kept"}


def test_two_projects_of_one_owner_are_one_boundary(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 300 * DAY, "same")
    factories.make_project("other", ada, urls=[("Repository", "https://github.com/same/other")])
    boundary = open_for(ada).boundaries.get()
    assert {repository["repository"] for repository in boundary.repositories} == {"tool", "other"}


def test_trackers_and_home_pages_beside_a_source_link_do_not_count(ada: User) -> None:
    urls = [
        ("Source", "https://github.com/real/r"), ("Tracker", "https://github.com/tracker/r/issues"),
        ("Homepage", "https://github.com/home/r"), ("Documentation", "https://github.com/docs/r"),
    ]  # fmt: skip
    factories.make_project("one", ada, urls=urls)
    factories.make_project("two", ada, urls=[("Homepage", "https://github.com/only/r")])
    assert set(kinds(open_for(ada))) == {"real", "only"}


def test_a_young_link_is_shown_and_not_asked(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 31 * DAY, "old")
    publish(tool, "2", now - 29 * DAY, "young")
    assert kinds(open_for(ada)) == {"old": "asked", "young": "young"}


def test_thirty_days_are_counted_back_from_the_request(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 40 * DAY, "old")
    assert kinds(open_for(ada, requested_at=now - 9 * DAY)) == {"old": "asked"}
    RecoveryTicket.objects.all().update(status=Status.REJECTED, closed_at=now)
    assert kinds(open_for(ada, requested_at=now - 11 * DAY)) == {"old": "young"}


def test_a_young_repository_inside_an_old_boundary_cannot_serve(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 400 * DAY, "ada")
    services.record_release(
        tool, version="2", uploaded_at=now - 2 * DAY, urls=[("Source", "https://github.com/ada/brand-new")]
    )
    boundary = open_for(ada).boundaries.get()
    assert boundary.kind == "asked"
    assert [repository["repository"] for repository in boundary.repositories] == ["tool"]


def test_what_was_published_or_given_after_the_request_does_not_count(ada: User, tool: Project, now: datetime) -> None:
    publish(tool, "1", now - 400 * DAY, "old")
    publish(tool, "2", now - 40 * DAY, "later")
    late = factories.make_project("late", urls=[("Source", "https://github.com/late/r")])
    factories.add_role(late, ada, since=now - 40 * DAY)
    assert kinds(open_for(ada, requested_at=now - 50 * DAY)) == {"old": "asked"}


def test_repositories_come_newest_first_with_the_releases_that_prove_them(
    ada: User, tool: Project, now: datetime
) -> None:
    for version, days, name in (("1", 900, "first"), ("2", 500, "second"), ("3", 100, "first")):
        url = f"https://github.com/ada/{name}"
        services.record_release(tool, version=version, uploaded_at=now - days * DAY, urls=[("Source", url)])
    repositories = open_for(ada).boundaries.get().repositories
    assert [row["repository"] for row in repositories] == ["first", "second"]
    assert (repositories[0]["first_release"], repositories[0]["last_release"]) == ("1", "3")
    assert repositories[0]["project"] == "tool"


# Retirement: (days ago, owners) of each release, None for a release nobody told us the links of ---------------------

REPLACED = [(900, ["old"]), (500, ["fresh"]), (100, ["fresh"])]


@pytest.mark.parametrize(
    ("releases", "kind"),
    [
        (REPLACED, "retired"),
        ([(900, ["old"]), (500, ["fresh"]), (366, ["fresh"]), (1, ["fresh"])], "retired"),
        ([(900, ["old"]), (100, ["fresh"])], "asked"),  # no older release names another
        ([(900, ["old"]), (500, ["fresh"])], "asked"),  # nothing was published last year
        ([(900, ["old"]), (500, ["fresh"]), (100, ["fresh"]), (50, [])], "asked"),  # one of last year names nothing
        ([(900, ["old"]), (500, ["fresh"]), (100, None)], "asked"),  # we do not know what last year's names
        ([(900, ["old"]), (500, ["fresh"]), (100, ["fresh", "old"])], "asked"),  # it is named still
        ([(900, ["old"]), (500, ["old", "fresh"]), (100, ["fresh"])], "asked"),  # the older one names both
        ([(900, ["fresh"]), (500, ["old"]), (100, ["fresh"])], "asked"),  # it came back before last year
        ([(900, ["old"]), (500, []), (100, ["fresh"])], "asked"),  # a gap names nobody else
        ([(900, ["old"]), (500, ["fresh"]), (100, ["fresh"]), (20, ["old"])], "asked"),  # named again a moment ago
    ],
)
def test_an_old_boundary_retires_only_when_it_was_replaced_for_a_year(
    ada: User, tool: Project, now: datetime, releases: list[tuple[int, list[str] | None]], kind: str
) -> None:
    for number, (days, owners) in enumerate(releases):
        if owners is None:
            services.record_release(tool, version=str(number), uploaded_at=now - days * DAY, urls=None)
        else:
            publish(tool, str(number), now - days * DAY, *owners)
    assert kinds(open_for(ada))["old"] == kind


def test_a_boundary_replaced_in_one_project_and_not_in_another_is_asked(ada: User, now: datetime) -> None:
    one, two = (services.ensure_project(name, actor="system")[0] for name in ("one", "two"))
    for project in (one, two):
        factories.add_role(project, ada)
    for number, (days, owners) in enumerate(REPLACED):
        publish(one, str(number), now - days * DAY, *owners)
    publish(two, "1", now - 900 * DAY, "old")
    assert kinds(open_for(ada)) == {"old": "asked", "fresh": "asked"}


def test_a_young_link_of_the_old_owner_keeps_its_boundary_alive(ada: User, tool: Project, now: datetime) -> None:
    for number, (days, owners) in enumerate(REPLACED):
        publish(tool, str(number), now - days * DAY, *owners)
    services.record_release(
        tool, version="9", uploaded_at=now - 3 * DAY, urls=[("Source", "https://github.com/old/renamed")]
    )
    assert kinds(open_for(ada))["old"] == "asked"


def test_later_releases_edits_and_deletions_change_nothing_on_an_open_ticket(
    ada: User, tool: Project, now: datetime
) -> None:
    publish(tool, "1", now - 400 * DAY, "ada")
    ticket = open_for(ada)
    before = list(ticket.boundaries.values())
    publish(tool, "2", now - 200 * DAY, "thief")
    tool.releases.filter(version="1").update(deleted_at=now, uploaded_at=now)
    RepositoryLink.objects.filter(project=tool, namespace="ada").update(namespace="thief", url="https://h.example/x")
    tool.roles.all().delete()
    assert list(ticket.boundaries.values()) == before


# What came since the request: it can only make a ticket harder ------------------------------------------------------


def ready(user: User, now: datetime, *owners: str) -> RecoveryTicket:
    ticket = make_ticket(user, Status.READY, requested_at=now - 2 * DAY)
    status_link(ticket)
    for owner in owners:
        add_boundary(ticket, owner, proved=True, host="github.com")
    return ticket


def gain(user: User, now: datetime, owner: str, *, critical: bool = False, published: int = 400) -> Project:
    """A project of that repository owner, in which the user was given a role yesterday."""
    urls = [("Source", f"https://github.com/{owner}/r")] if owner else []
    project = factories.make_project(f"gained-{owner}", urls=urls, uploaded_at=now - published * DAY, critical=critical)
    factories.add_role(project, user, since=now - DAY, accepted=False)
    return project


def reset(ticket: RecoveryTicket) -> workflow.Outcome:
    return decided.reset(ticket.pk, actor=as_staff(make_admin()), reason=REASON)


def test_a_role_gained_since_sends_nothing_back(ada: User, tool: Project, now: datetime) -> None:
    ticket = ready(ada, now, "ada")
    gain(ada, now, "guild")
    assert not reset(ticket).sent_back
    assert kinds(ticket) == {"ada": "asked"}


def test_a_role_that_is_gone_since_makes_nothing_easier(ada: User, tool: Project, now: datetime) -> None:
    ticket = make_ticket(ada, Status.READY)
    tool.roles.all().delete()
    helper = factories.make_user("mod", staff=True, groups=["Moderators"])
    factories.grant(helper, "reset_without_projects")
    with pytest.raises(errors.NotAllowed):
        decided.reset(ticket.pk, actor=as_staff(helper), reason=REASON)


# What is asked of the database ---------------------------------------------------------------------------------------

REQUESTED = datetime(2026, 11, 1, tzinfo=UTC)
AGES = (10, 200, 400, 700)  # days


@st.composite
def sightings(draw: st.DrawFn) -> LinkFact:
    """A link of one of two owners in one of two projects, first and last seen some years ago."""
    owner, project = draw(st.sampled_from("ab")), draw(st.sampled_from([1, 2]))
    first, last = sorted(draw(st.lists(st.sampled_from(AGES), min_size=2, max_size=2)), reverse=True)
    seen = [REQUESTED - first * DAY, REQUESTED - last * DAY]
    url = f"https://github.com/{owner}/tool{project}"
    place = ("github.com", owner, f"tool{project}")
    return LinkFact(project, f"p{project}", "Source", url, *place, "1", seen[0], "2", seen[1])


def link(days: int, *, owner: str = "a", project: int = 1) -> LinkFact:
    """A repository of the subject's own project, first and last named so many days before the request."""
    place, at = ("github.com", owner, "tool"), REQUESTED - days * DAY
    return LinkFact(project, f"p{project}", "Source", f"https://github.com/{owner}/tool", *place, "1", at, "1", at)


@pytest.mark.parametrize(("named", "other", "kind"), [
    (366, 365, "retired"), (365, 364, "retired"), (364, 363, "asked"), (500, 500, "asked"), (500, 501, "asked"),
])  # fmt: skip
def test_what_was_named_within_the_year_never_retires_whatever_is_said_of_its_project(
    named: int, other: int, kind: str
) -> None:
    last_named = {1: REQUESTED - other * DAY}
    (found,) = boundaries.freeze([link(named)], last_named, requested_at=REQUESTED, young=30 * DAY, retires=YEAR)
    assert found.kind == kind


@given(
    links=st.lists(sightings(), max_size=5),
    last_named=st.dictionaries(
        st.sampled_from([1, 2]), st.sampled_from([370, 500]).map(lambda ago: REQUESTED - ago * DAY)
    ),
)
def test_nothing_depends_on_projects_that_may_not_retire_anything(
    links: list[LinkFact], last_named: dict[int, datetime]
) -> None:
    asked = boundaries.may_retire(links, REQUESTED - YEAR)
    known = {project: at for project, at in last_named.items() if project in asked}
    ages = {"requested_at": REQUESTED, "young": 30 * DAY, "retires": YEAR}
    assert boundaries.freeze(links, known, **ages) == boundaries.freeze(links, last_named, **ages)  # type: ignore[arg-type]
