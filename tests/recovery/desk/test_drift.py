"""What a moderator sees when the metadata changed after the list was frozen: the list stands, and the page says so."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.mail import links
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, RepositoryLink
from recoverydesk.recovery import notices, workflow
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing.verdicts import Result, Verdict
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.tickets import DAY, add_boundary, everything, make_moderator, make_ticket

pytestmark = pytest.mark.django_db
URL = "https://github.com/ada/tool"


@pytest.fixture
def project(db: None) -> Project:
    ada = factories.make_user("ada")
    factories.add_totp(ada)
    return factories.make_project("tool", ada, urls=[("Source", URL)])


@pytest.fixture
def ticket(project: Project) -> RecoveryTicket:
    subject = User.objects.get(username="ada")
    return workflow.open_ticket(subject=subject, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL).ticket


@pytest.fixture
def desk(db: None) -> Client:
    return browser(make_moderator())


def page(desk: Client, ticket: RecoveryTicket) -> str:
    before = everything()
    text = desk.get(f"/admin/recovery/recoveryticket/{ticket.pk}/change/").content.decode()
    assert everything() == before
    return text


def stands(ticket: RecoveryTicket) -> str:
    return f"For this ticket, we still use the links of {day(ticket)}."


def day(ticket: RecoveryTicket) -> str:
    return f"{ticket.opened_at:%Y-%m-%d}"


def test_while_nothing_changed_the_page_says_nothing(desk: Client, ticket: RecoveryTicket) -> None:
    assert "we still use the links" not in page(desk, ticket)


@pytest.mark.parametrize("how", ["deleted", "url", "project", "younger"])
def test_a_link_edited_or_deleted_afterwards_is_named_and_the_list_stands(
    desk: Client, ticket: RecoveryTicket, project: Project, how: str
) -> None:
    stored = RepositoryLink.objects.filter(project=project)
    if how == "deleted":
        stored.delete()
    elif how == "url":
        stored.update(url="https://github.com/eve/tool", namespace="eve")
    elif how == "project":
        stored.update(project=factories.make_project("decoy"))
    else:
        stored.update(first_seen=database_now(), last_seen=database_now() + DAY)
    text = page(desk, ticket)
    assert f"The link {URL} was changed or deleted after {day(ticket)}. {stands(ticket)}" in text
    assert [str(row) for row in ticket.boundaries.all()] == ["github.com/ada"]


def test_a_link_that_now_leads_elsewhere_is_named_with_where(desk: Client, ticket: RecoveryTicket) -> None:
    RepositoryLink.objects.update(namespace="eve")
    text = page(desk, ticket)
    assert f"The link {URL} was changed to github.com/eve/tool after {day(ticket)}. {stands(ticket)}" in text
    assert (
        f"Release 1.0 of tool links to github.com/eve. The claimant does not have to prove it, "
        f"because we use the links of {day(ticket)}."
    ) in text


def test_a_later_release_that_names_somebody_else_is_named(
    desk: Client, ticket: RecoveryTicket, project: Project
) -> None:
    urls = [("Source", "https://github.com/eve/tool")]
    services.record_release(project, version="2.0", uploaded_at=database_now(), urls=urls)
    assert (
        f"Release 2.0 of tool links to github.com/eve. The claimant does not have to prove it, "
        f"because we use the links of {day(ticket)}."
    ) in page(desk, ticket)


def test_a_later_release_that_names_the_same_says_nothing(
    desk: Client, ticket: RecoveryTicket, project: Project
) -> None:
    services.record_release(project, version="2.0", uploaded_at=database_now(), urls=[("Source", URL)])
    assert "we still use the links" not in page(desk, ticket)


def test_what_somebody_publishes_cannot_write_into_the_page(
    desk: Client, ticket: RecoveryTicket, project: Project
) -> None:
    RepositoryLink.objects.update(namespace="<script>alert(1)</script>")
    text = page(desk, ticket)
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_boundary_that_staff_added_was_never_stored_and_says_nothing(desk: Client, project: Project) -> None:
    ticket = make_ticket(User.objects.get(username="ada"))
    row = add_boundary(ticket, "website")
    row.repositories[0]["project"] = ""
    row.save()
    assert "we still use the links" not in page(desk, ticket)


# A young repository of an older owner -------------------------------------------------------------------------------


@pytest.fixture
def young(project: Project) -> RecoveryTicket:
    """The same owner, and ten days before the request a second repository of it."""
    urls = [("Source", "https://github.com/ada/fresh")]
    services.record_release(project, version="1.1", uploaded_at=database_now() - timedelta(days=10), urls=urls)
    subject = User.objects.get(username="ada")
    return workflow.open_ticket(subject=subject, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.SHELL).ticket


def test_a_young_repository_of_an_older_owner_is_shown_as_young(desk: Client, young: RecoveryTicket) -> None:
    text = page(desk, young)
    assert "https://github.com/ada/fresh" in text
    assert "we do not ask for it, and it proves nothing" in text
    row = young.boundaries.get()
    assert ([one["url"] for one in row.repositories], row.kind) == ([URL], "asked")


def test_a_branch_in_a_young_repository_proves_nothing_and_nobody_is_told_of_it(young: RecoveryTicket) -> None:
    workflow.challenge(young.pk, actor=SYSTEM)
    row = young.boundaries.get()
    found = Result(Verdict.FOUND, host="github.com", namespace="ada", repository="fresh")
    workflow.record_probe(young.pk, row.pk, lease=None, results=[("https://github.com/ada/fresh", found)])
    row.refresh_from_db()
    assert row.proved_at is None
    public = Client().get(f"/recover/status/{links.key(notices.status_link(young))}/").content.decode()
    assert ("github.com/ada/tool" in public, "github.com/ada/fresh" in public) == (True, False)
