"""Who lets a role on hold act again, and what is written down of whoever may not."""

import pytest

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Role
from recoverydesk.recovery import errors
from recoverydesk.recovery.after_reset import held_roles
from recoverydesk.recovery.permissions import signed_in
from tests.helpers import factories
from tests.helpers.tickets import make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(ada: User) -> Role:
    """Ada's role in a project she owns together with kim, on hold for a ticket."""
    project = factories.make_project("shared", ada)
    factories.add_role(project, factories.make_user("kim"))
    ticket = make_ticket(ada, "completed")
    Role.objects.filter(user=ada).update(held_at=database_now(), held_for=ticket.pk)
    return Role.objects.get(user=ada)


def test_a_co_owner_in_quarantine_releases_nothing(held: Role) -> None:
    kim = User.objects.get(username="kim")
    User.objects.filter(pk=kim.pk).update(quarantined_at=database_now())
    for _twice in range(2):
        with pytest.raises(errors.InQuarantine):
            held_roles.release(held.pk, actor=signed_in(kim, recent=True))
    held.refresh_from_db()
    assert held.held_at is not None
    event = Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_REFUSED)  # the same refusal is news once an hour
    assert (event.ticket, event.actor_uid, event.subject_uid) == (held.held_for, kim.uid, held.user.uid)
    assert event.data == {"verb": "release_role", "error": "InQuarantine"}
