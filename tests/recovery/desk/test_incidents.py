"""A malicious release: marked by one person of the staff, ended by two, and nothing moves meanwhile."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.mail.models import Mail
from accounts.models import User
from audit.log import RequestOrigin
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects import incidents as touched
from recoverydesk.projects.models import Incident, Project
from recoverydesk.publishers import verbs as publishers
from recoverydesk.publishers.models import Publisher
from recoverydesk.recovery import errors, policy, workflow
from recoverydesk.recovery.after_reset import held_tokens
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.recovery.workflow import incidents
from tests.helpers import decided, factories
from tests.helpers.desk import QUEUE, asks_for_factor, browser, decide
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_boundary,
    as_staff,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
)
from tests.helpers.tokens import mint
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
WHY = "A release of today carries a worm."


@pytest.fixture
def tool(ada: User) -> Project:
    """ada owns it together with kim; lea owns another project with kim, and zoe shares nothing with anybody."""
    project = factories.make_project("tool", ada)
    kim = factories.make_user("kim")
    factories.add_role(project, kim)
    factories.add_role(factories.make_project("other", factories.make_user("lea")), kim)
    factories.make_project("far", factories.make_user("zoe"))
    return project


def touches(*names: str) -> list[bool]:
    return [touched.touching(User.objects.get(username=name)).exists() for name in names]


def mark(about: Any) -> Incident:
    return incidents.mark(about, actor=as_staff(make_moderator("mira")), reason=WHY)


def ready(user: User) -> RecoveryTicket:
    ticket = make_ticket(user, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


def blocked(ticket: RecoveryTicket) -> bool:
    case = cases.read_case(RecoveryTicket.objects.get(pk=ticket.pk), database_now())
    return policy.Block.INCIDENT in policy.blocks(case, cases.numbers())


def submit(client: Client, about: Any, **form: Any) -> str:
    page = f"{QUEUE}{'project' if isinstance(about, Project) else 'account'}/{about.pk}/"
    decide(client, f"{page}incident/", {"reason": REASON, **form}, follow=True)
    return " ".join(client.get(page).content.decode().split())


def test_it_touches_whoever_has_a_role_in_the_project(ada: User, tool: Project) -> None:
    mark(tool)
    assert touches("ada", "kim", "lea", "zoe") == [True, True, False, False]


def test_about_an_account_it_touches_whoever_shares_a_project(ada: User, tool: Project) -> None:
    mark(User.objects.get(username="kim"))
    assert touches("ada", "kim", "lea", "zoe") == [True, True, True, False]


def test_an_invitation_touches_nobody(ada: User, tool: Project) -> None:
    factories.add_role(tool, User.objects.get(username="zoe"), accepted=False)
    mark(tool)
    assert touches("zoe") == [False]


def test_nobody_is_let_back_in_until_two_people_have_ended_it(ada: User, tool: Project) -> None:
    ticket = ready(ada)
    assert not blocked(ticket)
    mark(tool)
    assert blocked(ticket)
    outcome = decided.reset(ticket.pk, actor=as_staff(make_admin("olga")), reason=REASON)
    assert outcome.sent_back
    sweep.sweep()
    ticket.refresh_from_db()
    assert (ticket.status, ticket.turn) == (Status.CHALLENGED, "ours")
    assert "Ask a colleague to end the incident" in submit(browser(make_moderator("moe")), tool)
    assert "moe wants to end it" in submit(browser(User.objects.get(username="moe")), tool, ask="1")
    submit(browser(make_admin("rosa")), tool, lift="1")
    assert Incident.objects.get().lifted_at is not None
    assert not blocked(ticket)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.READY


def test_a_waiting_ticket_does_not_become_ready_and_a_new_one_is_blocked(ada: User, tool: Project) -> None:
    mark(ada)
    ticket = make_ticket(ada, Status.WAITING, wait_until=database_now() - DAY)
    add_boundary(ticket, proved=True)
    workflow.wait_over(ticket.pk)
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    assert blocked(make_ticket(User.objects.get(username="kim")))


@pytest.mark.parametrize(
    ("second", "refusal"),
    [("moe", errors.SamePerson), ("mod", errors.NotAllowed), ("role", errors.CoOwnedTicket)],
)
def test_who_asked_who_is_no_admin_and_who_has_a_role_does_not_end_it(
    ada: User, tool: Project, second: str, refusal: type[errors.RecoveryError]
) -> None:
    mark(tool)
    moe, other = make_admin("moe"), make_admin("role")
    factories.add_role(tool, other)
    submit(browser(moe), tool, ask="1")
    who = {"moe": moe, "role": other}.get(second) or make_moderator("mod")
    with pytest.raises(refusal):
        incidents.lift(tool, actor=staff(who), reason=REASON)
    assert Incident.objects.get().lifted_at is None


def test_ending_it_needs_a_factor_and_a_first_person(ada: User, tool: Project) -> None:
    mark(tool)
    admin = browser(make_admin("olga"))
    page = f"{QUEUE}project/{tool.pk}/incident/"
    with pytest.raises(errors.InvalidTransition):
        incidents.lift(tool, actor=staff(User.objects.get(username="olga")), reason=REASON)
    assert asks_for_factor(admin.post(page, {"ask": "1", "reason": REASON}))
    assert Incident.objects.get().lift_asked_by is None


def test_staff_whose_rights_are_new_end_nothing(ada: User, tool: Project) -> None:
    mark(tool)
    new = factories.make_user("new", staff=True, groups=["Admins"])
    with pytest.raises(errors.TooNew):
        incidents.ask_lift(tool, actor=staff(new), reason=REASON)


def test_the_database_lets_nobody_end_it_alone(ada: User, tool: Project) -> None:
    incident = mark(tool)
    mira = User.objects.get(username="mira")
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.filter(pk=incident.pk).update(lift_asked_by=mira, lifted_by=mira, lifted_at=database_now())


@pytest.mark.parametrize("who", ["ada", "kim"])
def test_no_account_marks_itself_or_what_it_shares(ada: User, tool: Project, who: str) -> None:
    user = User.objects.get(username=who)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    user.refresh_from_db()
    for about in (tool, ada):
        with pytest.raises((errors.OwnTicket, errors.CoOwnedTicket)):
            incidents.mark(about, actor=staff(user), reason=WHY)


def test_it_is_marked_once_and_said_to_the_owners_once(ada: User, tool: Project) -> None:
    mark(tool)
    with pytest.raises(errors.InvalidTransition):
        incidents.mark(tool, actor=staff(make_root()), reason=WHY)
    told = Mail.objects.filter(kind="recovery_incident").values_list("recipient", flat=True)
    assert sorted(told) == ["ada@example.org", "kim@example.org"]
    assert Event.objects.filter(tag="incident:mark", project_uid=tool.uid).count() == 1


def test_a_marked_account_is_not_told_and_its_co_owners_are(ada: User, tool: Project) -> None:
    mark(ada)
    assert list(Mail.objects.filter(kind="recovery_incident").values_list("recipient", flat=True)) == [
        "kim@example.org"
    ]


def test_what_is_on_hold_stays_on_hold(ada: User, tool: Project) -> None:
    mint(ada)
    token = ApiToken.objects.get(user=ada)
    ApiToken.objects.filter(user=ada).update(held_at=database_now())
    mark(tool)
    done = held_tokens.decide(ada, {f"token-{token.pk}": "keep"}, origin=RequestOrigin())
    assert (done["kept"], done["missed"]) == (0, 1)
    assert not ApiToken.objects.filter(user=ada, held_at=None).exists()


def test_no_publisher_is_kept_meanwhile(ada: User, tool: Project) -> None:
    mark(tool)
    row = Publisher.objects.create(
        project=tool, added_by=ada, issuer="https://ci.example", key="k", held_at=database_now()
    )
    for user in (ada, User.objects.get(username="kim")):
        with pytest.raises(publishers.Incident):
            publishers.keep(row, actor=user)


def test_the_desk_shows_it(ada: User, tool: Project) -> None:
    client = browser(make_moderator("moe"))
    assert "Mark it: a release may be malicious" in submit(client, tool)
    said = submit(client, tool, mark="1", reason=WHY)
    assert "moe marked this on" in said
    assert WHY in said
    assert "A release may be malicious." in client.get("/admin/").content.decode()
    assert "A release may be malicious." not in submit(client, ada)
