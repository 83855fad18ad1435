"""Every verb of roles × every standing in which nobody may use it: refused in words, and nothing has changed."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import lifecycle
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.projects import holds, mail_invitations, roles
from recoverydesk.projects.models import MailInvitation, Project, Role
from tests.helpers import factories

pytestmark = pytest.mark.django_db
NO_VERBS = {
    "invitations", "in_quarantine", "over", "lock", "refuse_outsider", "refuse_flood", "refuse_quarantine",
    "refuse_unready", "sent_by_owner", "ensure_role", "of", "of_project", "address_in", "forget",
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """Ada acts, bob is another owner, mia maintains, ivo is invited and so is an address. Bob owns eggs, to which he
    invites ada, and ham, to which he invites her address."""

    ada: User
    tool: Project
    bob: Role
    mia: Role
    ivo: Role
    offered: Role
    sent: MailInvitation
    mailed: MailInvitation

    def own(self) -> Role:
        """Ada's role in tool; one that is gone, as a page that was left open would send it."""
        return Role.objects.filter(user=self.ada, project=self.tool).first() or Role(
            pk=0, user=self.ada, project=self.tool
        )


@pytest.fixture
def world(ada: User) -> World:
    tool, bob = factories.make_project("tool", ada), factories.make_user("bob")
    factories.add_app(ada)
    ham = factories.make_project("ham", bob)
    return World(
        sent=mail_invitations.invite("lee@example.org", tool, "owner", actor=ada),
        mailed=mail_invitations.invite("ada@example.org", ham, "owner", actor=bob),
        ada=ada,
        tool=tool,
        bob=factories.add_role(tool, bob),
        mia=factories.add_role(tool, factories.make_user("mia"), kind="maintainer"),
        ivo=factories.add_role(tool, factories.make_user("ivo"), accepted=False, since=timezone.now()),
        offered=factories.add_role(
            factories.make_project("eggs", bob), ada, accepted=False, since=timezone.now() - timedelta(days=1)
        ),
    )


Use = Callable[[World], object]
MANAGING: dict[str, Use] = {
    "invite": lambda world: roles.invite("kim", world.tool, "owner", actor=world.ada),
    "add_role": lambda world: roles.add_role(User.objects.get(username="kim"), world.tool, "owner", actor=world.ada),
    "change_role: promote": lambda world: roles.change_role(world.mia, "owner", actor=world.ada),
    "change_role: demote": lambda world: roles.change_role(world.bob, "maintainer", actor=world.ada),
    "change_role: step down": lambda world: roles.change_role(world.own(), "maintainer", actor=world.ada),
    "remove_role: owner": lambda world: roles.remove_role(world.bob, actor=world.ada),
    "mail invite": lambda world: mail_invitations.invite("x@example.org", world.tool, "owner", actor=world.ada),
    "mail withdraw": lambda world: mail_invitations.withdraw(world.sent, actor=world.ada),
    "remove_role: withdraw": lambda world: roles.remove_role(world.ivo, actor=world.ada),
}
LEAVING: dict[str, Use] = {"remove_role: leave": lambda world: roles.remove_role(world.own(), actor=world.ada)}
ANSWERING: dict[str, Use] = {
    "accept_role": lambda world: roles.accept_role(world.offered, actor=world.ada),
    "decline_role": lambda world: roles.decline_role(world.offered, actor=world.ada),
    "mail accept": lambda world: mail_invitations.accept(world.mailed, actor=world.ada),
    "mail decline": lambda world: mail_invitations.decline(world.mailed, actor=world.ada),
}
VERBS = MANAGING | LEAVING | ANSWERING


def _rests(world: World) -> None:
    holds.hold(world.ada, ["tool"], actor="system", ticket=7)


def _quarantined(world: World) -> None:
    User.objects.filter(pk=world.ada.pk).update(quarantined_at=timezone.now())


def _left(world: World) -> None:
    world.own().delete()


def _maintains(world: World) -> None:
    Role.objects.filter(user=world.ada, project=world.tool).update(kind="maintainer")


def _only_invited(world: World) -> None:
    Role.objects.filter(user=world.ada, project=world.tool).update(accepted_at=None, created_at=timezone.now())


def _frozen(world: World) -> None:
    User.objects.filter(pk=world.ada.pk).update(frozen_at=timezone.now())


def _deactivated(world: World) -> None:
    User.objects.filter(pk=world.ada.pk).update(is_active=False)


REFUSED = [
    *((_rests, verb) for verb in MANAGING | LEAVING),
    *((_quarantined, verb) for verb in VERBS),
    *((standing, verb) for standing in (_left, _maintains, _only_invited, _frozen, _deactivated) for verb in MANAGING),
]
IDS = [f"{standing.__name__.strip('_')}-{verb}" for standing, verb in REFUSED]


def rows() -> tuple[object, ...]:
    invitations = list(MailInvitation.objects.order_by("pk").values())
    return list(Role.objects.order_by("pk").values()), invitations, Event.objects.count(), Mail.objects.count()


def test_no_verb_is_left_out() -> None:
    for module, walked in (
        (roles, {name.partition(":")[0] for name in VERBS if not name.startswith("mail ")}),
        (mail_invitations, {name.removeprefix("mail ") for name in VERBS if name.startswith("mail ")}),
    ):
        public = {
            name for name, found in inspect.getmembers(module, inspect.isfunction)
            if found.__module__ == module.__name__ and not name.startswith("_")
        }  # fmt: skip
        assert public - NO_VERBS == walked


def test_each_of_them_works_for_an_owner_who_acts(world: World) -> None:
    factories.make_user("kim")
    roles.invite("kim", world.tool, "owner", actor=world.ada)
    for verb in (
        "change_role: promote",
        "change_role: demote",
        "remove_role: withdraw",
        "accept_role",
        "mail invite",
        "mail withdraw",
        "mail accept",
    ):
        VERBS[verb](world)
    VERBS["remove_role: leave"](world)
    assert not Role.objects.filter(user=world.ada, project=world.tool).exists()


@pytest.mark.parametrize(("standing", "verb"), REFUSED, ids=IDS)
def test_a_verb_is_refused_and_changes_nothing(world: World, standing: Callable[[World], None], verb: str) -> None:
    factories.make_user("kim")
    standing(world)
    world.ada.refresh_from_db()
    before = rows()
    with pytest.raises(roles.RoleError) as refused:
        VERBS[verb](world)
    assert str(refused.value)
    assert rows() == before


@pytest.mark.parametrize("verb", [*MANAGING, *LEAVING])
def test_whose_role_rests_reads_that(world: World, verb: str) -> None:
    factories.make_user("kim")
    _rests(world)
    with pytest.raises(roles.RoleRests):
        VERBS[verb](world)


def test_a_role_that_rests_is_not_left_by_deleting_the_account(world: World) -> None:
    _rests(world)
    with pytest.raises(lifecycle.DeletionRefused, match="on hold"):
        lifecycle.delete_account(world.ada, actor=world.ada)
    assert world.own().pk


@pytest.mark.parametrize("other", ["rests", "closed"])
def test_who_does_not_act_is_no_other_owner(world: World, other: str) -> None:
    """Else the last owner who acts could leave, step down or delete their account."""
    if other == "rests":
        holds.hold(world.bob.user, ["tool"], actor="system", ticket=7)
    else:
        User.objects.filter(pk=world.bob.user_id).update(is_active=False)
    for verb in ("remove_role: leave", "change_role: step down"):
        with pytest.raises(roles.LastOwner):
            VERBS[verb](world)
    with pytest.raises(lifecycle.DeletionRefused, match="last owner"):
        lifecycle.delete_account(world.ada, actor=world.ada)
