"""Invitations to an address: who accepts, what ends them, and that nothing tells whose an address is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit import history
from audit.models import Event, EventDetail
from audit.tags import Tag
from recoverydesk.projects import holds, mail_invitations, roles
from recoverydesk.projects.models import MailInvitation, Project, Role
from tests.helpers import factories
from tests.helpers.signing_in import enter

pytestmark = pytest.mark.django_db
PAGE = "/account/projects/"


@pytest.fixture
def kim(db: None) -> User:
    user = factories.make_user("kim")
    factories.add_app(user)
    return user


@pytest.fixture
def tool(ada: User) -> Project:
    return factories.make_project("tool", ada)


@pytest.fixture
def sent(ada: User, tool: Project) -> MailInvitation:
    return mail_invitations.invite("kim@example.org", tool, "maintainer", actor=ada)


def mails(kind: str) -> list[tuple[str, str]]:
    found = Mail.objects.filter(kind=kind).order_by("id")
    return [(mail.recipient, mail.context.get("state", "")) for mail in found]


def test_whoever_has_verified_the_address_accepts_with_a_second_factor(
    client: Client, kim: User, sent: MailInvitation
) -> None:
    client.force_login(kim)
    assert "kim@example.org" in client.get(PAGE).content.decode()
    answer = client.post(PAGE, {"invitation": sent.pk, "accept": "1"})
    assert "/step-up/" in answer["Location"] or "/reauthenticate/" in answer["Location"]
    client.logout()
    enter(client, kim)
    client.post(PAGE, {"invitation": sent.pk, "accept": "1"})
    assert "You accepted the invitation." in client.get(PAGE).content.decode()
    role = Role.objects.get(user=kim)
    assert (role.kind, bool(role.accepted_at)) == ("maintainer", True)
    assert not MailInvitation.objects.exists()
    client.post(PAGE, {"invitation": sent.pk, "accept": "1"})
    assert "This invitation is over." in client.get(PAGE).content.decode()


def test_the_mail_has_one_way_on_and_owners_hear_of_it_without_the_address(sent: MailInvitation) -> None:
    assert mails("role_invitation") == [("kim@example.org", "")]
    text = outbox.render(Mail.objects.get(kind="role_invitation")).text
    assert text.count("http://localhost:8000/") == text.count("http://localhost:8000/account/projects/") == 1
    assert mails("role_changed") == [("ada@example.org", "invited by mail")]
    told = outbox.render(Mail.objects.get(kind="role_changed")).text
    assert "invited somebody to your project tool" in told
    assert "kim@example.org" not in told


def test_the_address_is_in_no_event_but_in_the_part_that_can_be_erased(ada: User, tool: Project, kim: User) -> None:
    made = mail_invitations.invite("kim@example.org", tool, "owner", actor=ada)
    mail_invitations.withdraw(made, actor=ada)
    events = Event.objects.filter(project_uid=tool.uid).order_by("-id")[:2]
    assert [event.tag for event in events] == [Tag.ACCOUNT_ROLE_REVOKE_INVITE, Tag.PROJECT_ROLE_INVITE]
    assert "kim" not in str([(event.data, event.subject_name) for event in events])
    assert EventDetail.objects.get(event_id=events[0].id).address == "kim@example.org"


def test_who_has_no_account_yet_makes_one(ada: User, tool: Project) -> None:
    made = mail_invitations.invite("lee@example.org", tool, "owner", actor=ada)
    lee = factories.make_unverified_with_app("lee")
    with pytest.raises(roles.InvitationOver):
        mail_invitations.accept(made, actor=lee)
    EmailAddress.objects.filter(user=lee).update(verified=True)
    assert mail_invitations.accept(made, actor=lee).kind == "owner"


def test_a_second_verified_address_serves_and_a_former_one_does_not(ada: User, kim: User, tool: Project) -> None:
    made = mail_invitations.invite("kim@work.example", tool, "owner", actor=ada)
    row = EmailAddress.objects.create(user=kim, email="kim@work.example", verified=True)
    assert mail_invitations.of(kim).get() == made
    row.delete()
    with pytest.raises(roles.InvitationOver):
        mail_invitations.accept(made, actor=kim)


def test_who_lacks_a_factor_is_told_to_add_one(ada: User, tool: Project) -> None:
    lee = factories.make_user("lee")
    made = mail_invitations.invite("lee@example.org", tool, "owner", actor=ada)
    with pytest.raises(roles.NoFactor):
        mail_invitations.accept(made, actor=lee)


def test_who_has_a_role_keeps_it(ada: User, kim: User, tool: Project, sent: MailInvitation) -> None:
    factories.add_role(tool, kim)
    with pytest.raises(roles.RoleExists):
        mail_invitations.accept(sent, actor=kim)
    assert Role.objects.get(user=kim).kind == "owner"


def test_owners_are_not_told_that_somebody_declined(
    client: Client, ada: User, kim: User, tool: Project, sent: MailInvitation
) -> None:
    before = Event.objects.count(), Mail.objects.count(), list(mail_invitations.of_project(tool))
    client.force_login(kim)
    client.post(PAGE, {"invitation": sent.pk, "decline": "1"})
    assert "You declined the invitation." in client.get(PAGE).content.decode()
    assert not mail_invitations.of(kim).exists()
    after = Event.objects.count(), Mail.objects.count(), list(mail_invitations.of_project(tool))
    assert after[1:] == before[1:]
    assert not Event.objects.filter(tag=Tag.ACCOUNT_ROLE_DECLINE_INVITE).exists()
    assert "kim" not in str(history.for_project(tool.uid, reader=ada.uid))


def _late(sent: MailInvitation) -> None:
    MailInvitation.objects.update(created_at=timezone.now() - timedelta(days=7, seconds=1))


def _inviter_rests(sent: MailInvitation) -> None:
    holds.hold(sent.invited_by, ["tool"], actor="system", ticket=7)


def _inviter_in_quarantine(sent: MailInvitation) -> None:
    User.objects.filter(pk=sent.invited_by_id).update(quarantined_at=timezone.now())


def _inviter_frozen(sent: MailInvitation) -> None:
    User.objects.filter(pk=sent.invited_by_id).update(frozen_at=timezone.now())


def _inviter_steps_down(sent: MailInvitation) -> None:
    Role.objects.filter(user=sent.invited_by).update(kind="maintainer")


def _recovered_since(_sent: MailInvitation) -> None:
    """The invited account was recovered after it was sent, and its limits have ended."""
    now = timezone.now()
    User.objects.filter(username="kim").update(quarantined_at=now, quarantine_until=now - timedelta(seconds=1))


def _invited_frozen(_sent: MailInvitation) -> None:
    User.objects.filter(username="kim").update(frozen_at=timezone.now())


@pytest.mark.parametrize(
    "ends",
    [_late, _inviter_rests, _inviter_in_quarantine, _inviter_frozen, _inviter_steps_down, _recovered_since,
     _invited_frozen],
)  # fmt: skip
def test_what_ends_an_invitation(kim: User, sent: MailInvitation, ends: Callable[[MailInvitation], None]) -> None:
    ends(sent)
    kim.refresh_from_db()
    with pytest.raises(roles.InvitationOver):
        mail_invitations.accept(sent, actor=kim)
    assert not Role.objects.filter(user=kim).exists()


def test_nobody_else_accepts_by_its_number(client: Client, ada: User, sent: MailInvitation) -> None:
    eve = factories.make_user("eve")
    enter(client, eve)
    for answer in ("accept", "decline"):
        client.post(PAGE, {"invitation": sent.pk, answer: "1"})
        assert "This invitation is over." in client.get(PAGE).content.decode()
    with pytest.raises(roles.InvitationOver):
        mail_invitations.decline(sent, actor=eve)
    assert MailInvitation.objects.get().declined_at is None


def test_a_mailbox_gets_five_invitations_a_day_whoever_sends_them() -> None:
    for number in range(8):
        owner = factories.make_user(f"owner{number}")
        project = factories.make_project(f"spam{number}", owner)
        mail_invitations.invite("victim@example.org", project, "owner", actor=owner)
    assert len(mails("role_invitation")) == 5
    assert MailInvitation.objects.count() == 8


def test_what_is_over_is_forgotten(sent: MailInvitation) -> None:
    assert mail_invitations.forget() == 0
    _late(sent)
    assert mail_invitations.forget() == 1


def test_an_invitation_that_is_over_can_be_sent_again(ada: User, tool: Project, sent: MailInvitation) -> None:
    with pytest.raises(roles.RoleExists):
        mail_invitations.invite("kim@example.org", tool, "owner", actor=ada)
    _late(sent)
    assert mail_invitations.invite("KIM@Example.org", tool, "owner", actor=ada).pk != sent.pk


@pytest.mark.parametrize("typed", ["", "kim", "@", "a@b", "kim@example.org\nBcc: x@example.org", "x@" + "y" * 400])
def test_what_is_no_address_is_refused(ada: User, tool: Project, typed: str) -> None:
    with pytest.raises(roles.Unknown):
        mail_invitations.invite(typed, tool, "owner", actor=ada)
    assert not Mail.objects.filter(kind="role_invitation").exists()


def _rested_and_acts_again(sent: MailInvitation) -> None:
    _recovered(sent)
    holds.hold(sent.invited_by, ["tool"], actor="system", ticket=7)
    holds.release(Role.objects.get(user=sent.invited_by), actor="system", how="time")


def _recovered(sent: MailInvitation) -> None:
    """Its sender was recovered since, and their limits have ended."""
    now = timezone.now()
    User.objects.filter(pk=sent.invited_by_id).update(quarantined_at=now, quarantine_until=now - timedelta(seconds=1))


def _invited_anew(sent: MailInvitation) -> None:
    """Its sender was removed, and is an owner again by a later invitation."""
    Role.objects.filter(user=sent.invited_by).update(accepted_at=timezone.now())


@pytest.mark.parametrize("ends", [_recovered, _rested_and_acts_again, _invited_anew])
def test_what_an_intruder_sent_does_not_come_back(
    kim: User, tool: Project, sent: MailInvitation, ends: Callable[[MailInvitation], None]
) -> None:
    bob = factories.make_user("bob")
    factories.add_role(tool, bob)
    ends(sent)
    assert not mail_invitations.of(kim).exists()
    with pytest.raises(roles.InvitationOver):
        mail_invitations.accept(sent, actor=kim)
    assert not mail_invitations.of_project(tool).exists()
    again = mail_invitations.invite("kim@example.org", tool, "maintainer", actor=bob)  # a dead one is in nobody's way
    assert mail_invitations.accept(again, actor=kim).kind == "maintainer"


def test_who_was_recovered_before_invites_as_anybody(ada: User, kim: User, tool: Project) -> None:
    now = timezone.now()
    User.objects.filter(pk=ada.pk).update(quarantined_at=now - timedelta(days=9), quarantine_until=now)
    made = mail_invitations.invite("kim@example.org", tool, "owner", actor=ada)
    assert mail_invitations.accept(made, actor=kim)


def test_a_username_invitation_that_is_over_is_in_nobodys_way(kim: User, tool: Project, sent: MailInvitation) -> None:
    factories.add_role(tool, kim, accepted=False, since=timezone.now() - timedelta(days=8))
    assert mail_invitations.accept(sent, actor=kim).accepted_at


@pytest.mark.parametrize("ends", [_recovered, _rested_and_acts_again, _invited_anew])
def test_an_invitation_by_name_does_not_come_back_either(
    ada: User, kim: User, tool: Project, ends: Callable[[MailInvitation], None]
) -> None:
    role = roles.invite("kim", tool, "owner", actor=ada)
    ends(MailInvitation(invited_by=ada))
    with pytest.raises(roles.InvitationOver):
        roles.accept_role(role, actor=kim)
