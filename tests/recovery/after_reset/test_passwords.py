""" "Forgot password?" after a reset: the desk's own link while it can be renewed, and no dead end after that."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts import password_reset, services
from accounts.mail import links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import User
from audit.log import RequestOrigin
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors
from recoverydesk.recovery.after_reset import choose_password
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.tickets import HOUR, everything, make_admin, make_ticket, tags_of

pytestmark = pytest.mark.django_db
PHRASE = "violet tractor behind seven"


def reset(
    user: User, days: int, *, link: bool = True, chosen: bool = False, claim: Claim = Claim.SECOND_FACTOR
) -> RecoveryTicket:
    """A reset so many days ago; without `chosen` the password is unusable since."""
    at = database_now() - timedelta(days=days)
    ticket = make_ticket(
        user, Status.COMPLETED, claim=claim, completed_at=at, closed_at=at, reset_by=make_admin(f"admin-{days}"),
        password_chosen_at=at if chosen else None,
    )  # fmt: skip
    if link:
        links.make_link("choose_password", ticket.contact, lifetime=HOUR, user=user, reference=ticket.reference)
    if not chosen:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return ticket


def forgot(user: User) -> list[str]:
    """The kinds of the mails that "Forgot password?" sends now."""
    last = Mail.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    password_reset.handle(password_reset.note_reset_request(user.email, network="192.0.2.1"))
    return list(Mail.objects.filter(pk__gt=last).values_list("kind", flat=True))


def usual() -> list[str]:
    """What the form sends to an account the desk has nothing to do with."""
    return forgot(factories.make_user("bob"))


def the_link() -> Link:
    return Link.objects.get(purpose="choose_password")


def test_a_hold_that_runs_does_not_begin_again(ada: User) -> None:
    ticket = reset(ada, 1)
    choose_password.start_hold(the_link())
    soon = database_now() + HOUR
    RecoveryTicket.objects.filter(pk=ticket.pk).update(password_hold_until=soon)
    assert choose_password.start_hold(the_link()).password_hold_until == soon
    ticket.refresh_from_db()
    assert ticket.password_hold_until == soon
    assert tags_of(ticket) == [Tag.ACCOUNT_RECOVERY_PASSWORD_HOLD]


def test_a_hold_that_is_over_is_over(ada: User) -> None:
    ticket, past = reset(ada, 3), database_now() - HOUR
    RecoveryTicket.objects.filter(pk=ticket.pk).update(password_hold_until=past)
    assert choose_password.start_hold(the_link()).password_hold_until == past
    assert (
        choose_password.choose(
            the_link(), choose_password.Attempt("", PHRASE), origin=RequestOrigin()
        ).password_chosen_at
        is not None
    )


def close(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def freeze(user: User) -> None:
    User.objects.filter(pk=user.pk).update(frozen_at=database_now(), frozen_by="staff")


@pytest.mark.parametrize("shut", [close, freeze])
def test_an_account_that_is_closed_or_frozen_chooses_no_password(ada: User, shut: Callable[[User], None]) -> None:
    ticket = reset(ada, 1)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(password_hold_until=database_now())
    choose_password.check_link(the_link(), "")
    shut(ada)
    before = everything()
    calls: list[Callable[[], object]] = [
        lambda: choose_password.check_link(the_link(), ""),
        lambda: choose_password.choose(the_link(), choose_password.Attempt("", PHRASE), origin=RequestOrigin()),
        lambda: choose_password.start_hold(the_link()),
        lambda: choose_password.renew(the_link()),
    ]
    for call in calls:
        with pytest.raises(errors.TicketBlocked):
            call()
    assert everything() == before


def test_an_account_that_was_objected_for_or_chose_already_chooses_no_password(ada: User) -> None:
    ticket = reset(ada, 1)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(password_hold_until=database_now())
    for said in ("objected_at", "password_chosen_at"):
        RecoveryTicket.objects.filter(pk=ticket.pk).update(**{said: database_now()})
        with pytest.raises(errors.InvalidTransition):
            choose_password.check_link(the_link(), "")
        RecoveryTicket.objects.filter(pk=ticket.pk).update(**{said: None})
    choose_password.check_link(the_link(), "")


def test_while_the_link_can_be_renewed_it_is_this_link_even_where_none_was_made(ada: User) -> None:
    reset(ada, 6, link=False)
    assert forgot(ada) == ["recovery_choose_password"]
    assert Link.objects.filter(purpose="choose_password").count() == 1


def test_an_older_reset_nobody_chose_a_password_after_is_over_with_the_next(ada: User) -> None:
    reset(ada, 40)
    reset(ada, 20, chosen=True)
    services.choose_password(ada, "another long phrase here", actor=ada)
    assert forgot(ada) == usual() != []


def test_a_password_set_on_the_account_pages_ends_it(ada: User) -> None:
    reset(ada, 3, claim=Claim.EMAIL)
    services.choose_password(ada, "another long phrase here", actor=ada)
    assert forgot(ada) == usual() != []


def test_after_seven_days_an_account_with_a_second_factor_gets_the_usual_mail(ada: User) -> None:
    reset(ada, 8, claim=Claim.EMAIL)
    assert forgot(ada) == usual() != []


def test_after_seven_days_a_mail_alone_opens_no_account_without_a_second_factor(ada: User) -> None:
    reset(ada, 8)
    ada.totpdevice_set.all().delete()
    assert forgot(ada) == ["recovery_start_again"]
    assert "/recover/" in outbox.render(Mail.objects.latest("id")).text
    assert forgot(ada) == []  # once a day
    assert Link.objects.filter(purpose="choose_password").count() == 1  # the one of the reset
