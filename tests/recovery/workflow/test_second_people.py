"""Who counts as the second person: rights of seven days and more, and none that became wider since."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from audit import log
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import Approval, RecoveryTicket, Status
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.workflow import checks
from tests.helpers import decided, factories
from tests.helpers.decided import set_staff
from tests.helpers.tickets import DAY, REASON, as_staff, make_admin, make_moderator, make_root, make_ticket

pytestmark = pytest.mark.django_db
MOMENT = timedelta(microseconds=1)
WEEK = 7 * DAY
GAINED = [Tag.ACCOUNT_STAFF_ADD, Tag.ACCOUNT_STAFF_GROUP_ADD]


@pytest.fixture
def ready(db: None) -> RecoveryTicket:
    """A ticket that two people decide about."""
    ada = factories.make_user("ada")
    make_ticket(ada, Status.STOPPED, closed_at=database_now())
    return make_ticket(ada, Status.READY, doubt=3)


def test_a_moderator_who_became_an_admin_yesterday_neither_approves_nor_resets(ready: RecoveryTicket) -> None:
    mod = make_moderator()
    set_staff(
        mod, is_staff=True, is_superuser=False, groups=Group.objects.filter(name="Admins"), actor=make_root("boss")
    )
    User.objects.filter(pk=mod.pk).update(staff_since=database_now() - 90 * DAY)
    fresh = User.objects.get(pk=mod.pk)
    assert Event.objects.filter(subject_uid=mod.uid, tag=Tag.ACCOUNT_STAFF_GROUP_ADD).exists()
    with pytest.raises(errors.TooNew):
        decided.approve(ready.pk, actor=as_staff(fresh), reason=REASON)
    decided.approve(ready.pk, actor=as_staff(make_admin()), reason=REASON)
    with pytest.raises(errors.TooNew):
        decided.reset(ready.pk, actor=as_staff(fresh), reason=REASON)
    assert Approval.objects.count() == 1
    assert decided.reset(ready.pk, actor=as_staff(make_admin("otto")), reason=REASON).removed is not None


@pytest.mark.parametrize("tag", GAINED)
def test_wider_rights_count_after_seven_days_to_the_moment(db: None, tag: Tag) -> None:
    actor = as_staff(make_admin())
    gained = log.record(tag, actor="system", subject=actor.user)
    at = Event.objects.get(pk=gained.pk).time
    checks.check_full_staff(actor, at + WEEK)
    for now in (at, at + WEEK - MOMENT):
        with pytest.raises(errors.TooNew):
            checks.check_full_staff(actor, now)


@pytest.mark.parametrize("tag", GAINED)
def test_what_somebody_else_gained_makes_nobody_new(db: None, tag: Tag) -> None:
    log.record(tag, actor="system", subject=make_moderator())
    checks.check_full_staff(as_staff(make_admin()), database_now())


def test_rights_that_became_narrower_make_nobody_new(db: None) -> None:
    admin = make_admin()
    for tag in (Tag.ACCOUNT_STAFF_REMOVE, Tag.ACCOUNT_STAFF_GROUP_REMOVE):
        log.record(tag, actor="system", subject=admin)
    checks.check_full_staff(as_staff(admin), database_now())


@pytest.mark.parametrize(("since", "new"), [(WEEK, False), (WEEK - MOMENT, True), (None, True)])
def test_staff_are_full_staff_after_seven_days_to_the_moment(db: None, since: timedelta | None, new: bool) -> None:
    admin, now = make_admin(), database_now()
    admin.staff_since = now - since if since is not None else None
    if not new:
        checks.check_full_staff(as_staff(admin), now)
        return
    with pytest.raises(errors.TooNew):
        checks.check_full_staff(as_staff(admin), now)


def test_who_is_nobody_is_no_second_person(db: None) -> None:
    with pytest.raises(errors.TooNew):
        checks.check_full_staff(Actor(frozenset()), database_now())
