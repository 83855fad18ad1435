"""Every link that made no boundary is shown with the reason, to staff and to the owner; staff add it by one click."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services
from recoverydesk.recovery import errors, wording, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.evidence import unused_links
from recoverydesk.recovery.evidence.unused_links import Reason
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.repository_urls.parser import as_repository, parse, why_none
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.factories import LONG_AGO
from tests.helpers.links import mails_to, path
from tests.helpers.links_as_written import CASES, NOWHERE, Case
from tests.helpers.tickets import REASON, as_staff, make_moderator, make_ticket, status_link

pytestmark = pytest.mark.django_db
OPENDEV = "https://opendev.org/kvist/tool"
STAFF_ADD = {
    OPENDEV: ("opendev.org", "kvist", "tool"),
    "https://docs.example.org/src": ("docs.example.org", "src.git", "src"),
    "https://github.com/kvist/tool": ("github.com", "kvist", "tool"),
}
Links = list[tuple[str, str]]


def owner(links: Links) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    factories.make_project("tool", user, urls=links)
    return user


def opened(links: Links) -> RecoveryTicket:
    return workflow.open_ticket(
        subject=owner(links), claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL
    ).ticket


def challenged(links: Links) -> RecoveryTicket:
    return workflow.challenge(opened(links).pk, actor=SYSTEM)


def unused(ticket: RecoveryTicket) -> unused_links.UnusedLinks:
    return unused_links.of_ticket(ticket, set(ticket.boundaries.values_list("host", "namespace")))


def reasons(ticket: RecoveryTicket) -> dict[str, Reason]:
    return {link.url: group.reason for group in unused(ticket).groups for link in group.links}


def page(client: Client, ticket: RecoveryTicket) -> str:
    return client.get(f"{QUEUE}{ticket.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("label", "url", "reason"),
    [
        ("Source", OPENDEV, Reason.STRANGER),
        ("Source", "https://docs.example.org/src", Reason.STRANGER),
        ("Homepage", "https://a.example/", Reason.STRANGER),
        ("Source", "https://127.0.0.1/ada/tool.git", Reason.REFUSED),
        ("Source", "javascript:alert(1)", Reason.REFUSED),
        ("Source", "https://github.com/ada", Reason.PAGE),
        ("Source", "https://sourceforge.net/projects/tool/", Reason.PAGE),
        ("Source", "https://gist.github.com/ada/0123456789abcdef0123", Reason.NO_CODE),
        ("Home-page", "https://tool.readthedocs.io/", Reason.NO_CODE),
        ("Documentation", "https://github.com/kvist/tool", Reason.LABEL),
        ("Documentation", "https://tool.readthedocs.io/", Reason.OTHER),
    ],
)
def test_a_link_that_makes_no_boundary_is_listed_with_its_reason(label: str, url: str, reason: Reason) -> None:
    ticket = opened([(label, url)])
    assert reasons(ticket) == {url: reason}
    assert not ticket.boundaries.exists()
    shown = page(browser(make_moderator()), ticket)
    assert str(wording.UNUSED_LINKS[reason]) in shown
    assert f"<code>{url}</code>" in shown
    assert f'href="{url}"' not in shown
    assert "names a repository" not in shown.partition('id="boundaries"')[2].partition("The reasons are below")[0]


def test_every_reason_has_its_sentence() -> None:
    assert set(wording.UNUSED_LINKS) == {reason.value for reason in Reason}


def test_links_that_a_better_one_stands_before_or_that_lead_to_the_same_owner_are_told_apart() -> None:
    ticket = opened(
        [
            ("Source", "https://github.com/ada/tool"),
            ("Homepage", "https://gitlab.com/kim/tool"),
            ("Issues", "https://github.com/ada/tool/issues"),
            ("Documentation", "https://github.com/ada/tool"),
        ]
    )
    assert reasons(ticket) == {
        "https://gitlab.com/kim/tool": Reason.BEHIND,
        "https://github.com/ada/tool/issues": Reason.COVERED,
    }


@pytest.mark.parametrize("case", CASES, ids=[f"{case.label} {case.url}" for case in CASES])
def test_each_case_is_a_boundary_or_in_the_list(case: Case) -> None:
    ticket = opened([(case.label, case.url)])
    listed = case.url in reasons(ticket)
    assert listed == (not Boundary.objects.filter(ticket=ticket).exists())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.label} {case.url}" for case in CASES])
def test_on_the_desk_each_case_makes_the_same_boundary(case: Case) -> None:
    """Staff may name what no counting link does; a host nobody knows is then read as if `.git` stood there."""
    ticket = challenged([])
    workflow.add_boundary(ticket.pk, actor=as_staff(make_moderator()), url=case.url, reason=REASON)
    row = ticket.boundaries.get()
    place = parse(row.repositories[0]["url"])
    expected = case.place if case.place != NOWHERE else STAFF_ADD[case.url]
    assert (row.host, row.namespace, place.repository) == expected


def test_staff_add_a_listed_repository_with_one_click_and_the_claimant_is_asked() -> None:
    ticket = challenged([("Source", OPENDEV)])
    client = browser(make_moderator())
    form = page(client, ticket).partition(f"<code>{OPENDEV}</code>")[2].partition("</form>")[0]
    assert "Add this repository" in form
    assert re.search(r'action="([^"]*)"', form)[1] == f"{QUEUE}{ticket.pk}/press/add_boundary/"  # type: ignore[index]
    typed = dict(re.findall(r'name="(url|reason)" value="([^"]*)"', form))
    answer = client.post(f"{QUEUE}{ticket.pk}/press/add_boundary/", typed)
    assert answer.status_code == 302
    row = ticket.boundaries.get()
    assert (str(row), row.kind, row.added_reason) == (
        "opendev.org/kvist",
        "asked",
        "named by releases of tool as Source",
    )
    sweep.sweep()
    assert OPENDEV in mails_to("ada@example.org", "more")[0]
    assert "Add this repository" not in page(client, ticket).partition("made no boundary")[2].partition("</details>")[0]


@pytest.mark.parametrize("status", [Status.NEW, Status.READY])
def test_where_the_verb_would_refuse_there_is_no_button(status: Status) -> None:
    ticket = make_ticket(owner([("Source", OPENDEV)]), status)
    shown = page(browser(make_moderator()), ticket)
    assert OPENDEV in shown
    assert "named by releases of tool" not in shown


def test_what_leads_to_none_by_the_hosts_own_rules_cannot_be_added() -> None:
    ticket = challenged([("Source", "https://github.com/ada")])
    assert [link.repository for group in unused(ticket).groups for link in group.links] == [""]
    for url in ("https://github.com/ada", "https://tool.readthedocs.io/x", "https://a.example/", "https://127.0.0.1/x"):
        with pytest.raises(errors.NotABoundary):
            workflow.add_boundary(ticket.pk, actor=as_staff(make_moderator("m" + url[8])), url=url, reason=REASON)


def test_as_repository_reads_what_counts_as_it_is() -> None:
    for url in ("https://github.com/ada/tool", "https://git.example.org/a/b.git/tree", "git@github.com:ada/tool.git"):
        assert as_repository(url) == parse(url)
        assert why_none(url) is None
    assert as_repository("https://opendev.org/kvist/tool/").namespace == "kvist"


def test_releases_with_the_same_links_are_one_line_with_their_span() -> None:
    ticket = opened([("Source", OPENDEV)])
    project = ticket.subject.roles.get().project
    for number in range(3):
        at = LONG_AGO + timedelta(days=100 * (number + 1))
        services.record_release(project, version=f"2.{number}", uploaded_at=at, urls=[("Code", OPENDEV)])
    after = database_now() + timedelta(days=1)
    services.record_release(project, version="3", uploaded_at=after, urls=[("Code", "https://later.example/a/b")])
    (group,) = unused(ticket).groups
    (link,) = group.links
    assert (link.releases, list(link.labels), list(link.projects)) == (4, ["Code", "Source"], ["tool"])
    assert (link.first, link.last) == (LONG_AGO, LONG_AGO + timedelta(days=300))


def test_a_long_list_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unused_links, "SHOWN", 2)
    monkeypatch.setattr("recoverydesk.projects.links.MOST_CARRIED", 1)
    ticket = opened([(f"Source {number}", f"https://host{number}.example/a/b") for number in range(5)])
    found = unused(ticket)
    assert (found.number, [group.more for group in found.groups], found.cut) == (5, [3], True)
    shown = page(browser(make_moderator()), ticket)
    assert "and 3 more" in shown
    assert "more releases than this page reads" in shown


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (None, "The account has no projects."),
        ([], "none of their releases names a repository"),
        ([("Docs", "https://a.example/")], "None of the links of its projects counts as a repository"),
    ],
)
def test_that_no_repository_is_named_is_said_only_where_there_is_no_link(links: Links | None, said: str) -> None:
    user = factories.make_user("ada")
    if links is not None:
        factories.make_project("tool", user, urls=links)
    factories.add_totp(user)
    ticket = make_ticket(user)
    assert said in page(browser(make_moderator()), ticket)
    claimant = Client().get(path(status_link(ticket))).content.decode()
    assert ("No link of your projects leads to a repository" in claimant) == bool(links)
    assert ("Your projects name no repository" in claimant) == (not links)


def test_an_account_page_lists_them_too() -> None:
    user = owner([("Source", OPENDEV)])
    shown = browser(make_moderator()).get(f"{QUEUE}account/{user.pk}/").content.decode()
    assert OPENDEV in shown
    assert "Add this repository" not in shown


# The owner's own page -------------------------------------------------------------------------------------------------


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_owner_sees_what_they_would_have_to_prove_and_what_does_not_count() -> None:
    user = owner([("Source", "https://github.com/ada/tool"), ("Documentation", OPENDEV)])
    project, new = user.roles.get().project, [("Source", "https://gitlab.com/new/tool")]
    services.record_release(project, version="2.0", uploaded_at=database_now(), urls=new)
    client = signed_in(user)
    assert 'href="/recover/needed/"' in client.get("/account/security/").content.decode()
    shown = client.get("/recover/needed/").content.decode()
    asked, _, rest = shown.partition("Too new to count")
    assert "github.com/ada" in asked
    young, _, others = rest.partition("Links that do not count")
    assert "gitlab.com/new" in young
    assert OPENDEV in others
    assert client.post("/recover/needed/").status_code == 405


@pytest.mark.parametrize(("links", "said"), [([], "name no repository"), ([("Docs", OPENDEV)], "No link of your")])
def test_the_owner_of_no_repository_hears_what_that_means(links: Links, said: str) -> None:
    assert said in signed_in(owner(links)).get("/recover/needed/").content.decode()


def test_a_visitor_signs_in_first() -> None:
    assert "/login/" in Client().get("/recover/needed/")["Location"]


def test_the_owners_page_costs_the_same_for_one_project_and_for_thirty() -> None:
    user = owner([("Source", "https://github.com/ada/tool"), ("Docs", OPENDEV)])
    client = signed_in(user)
    costs = []
    for number in (1, 30):
        for other in range(number):
            links = [("Source", f"https://github.com/o{other}/r"), ("Docs", f"https://docs{other}.example/a/b")]
            factories.make_project(f"p{number}-{other}", user, urls=links)
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/recover/needed/").status_code == 200
        costs.append(len(caught))
    assert costs[0] == costs[1] <= 11
