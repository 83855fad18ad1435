"""Freezing, passwords, addresses that are told."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import addresses, hooks, services
from accounts.mail.models import Mail
from accounts.models import FormerAddress, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import make_user

REASON = "seen in a stolen-password list"


def test_a_freeze_and_its_end_are_events_and_mails(ada: User) -> None:
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    ada.refresh_from_db()
    assert (ada.frozen_at is None, ada.frozen_by, ada.may_sign_in) == (False, "staff", False)
    services.unfreeze(ada, actor="system", reason="spoke to the owner")
    ada.refresh_from_db()
    assert (ada.frozen_at, ada.frozen_by, ada.may_sign_in) == (None, "", True)
    assert list(Event.objects.order_by("id").values_list("tag", "data__reason")) == [
        (Tag.ACCOUNT_FREEZE, REASON),
        (Tag.ACCOUNT_UNFREEZE, "spoke to the owner"),
    ]
    assert Mail.objects.count() == 2


def test_a_staff_freeze_is_not_weakened_by_the_owners_own(ada: User) -> None:
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    ada.refresh_from_db()
    assert ada.frozen_by == "staff"
    assert Event.objects.filter(tag=Tag.ACCOUNT_FREEZE).count() == 2


@pytest.mark.parametrize("who", ["nobody special", "the subject, even with the right", "a visitor"])
@pytest.mark.parametrize("verb", ["freeze", "unfreeze"])
def test_the_verbs_themselves_ask_for_the_right_and_let_nobody_decide_about_themselves(
    ada: User, who: str, verb: str
) -> None:
    root = make_user("root", superuser=True)
    subject = root if who.startswith("the subject") else ada
    actors = {"nobody special": make_user("jon"), "a visitor": "visitor"}
    how = {"by": User.FrozenBy.STAFF} if verb == "freeze" else {}
    if verb == "unfreeze":
        services.freeze(subject, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    before = User.objects.values("frozen_at", "frozen_by").get(pk=subject.pk)
    with pytest.raises(services.NotPermitted):
        getattr(services, verb)(subject, actor=actors.get(who, subject), reason=REASON, **how)
    assert User.objects.values("frozen_at", "frozen_by").get(pk=subject.pk) == before
    assert Event.objects.get(tag=Tag.ACCOUNT_REFUSED).data == {"verb": verb, "error": "NotPermitted"}


def test_nobody_freezes_somebody_else_in_the_owners_name(ada: User) -> None:
    with pytest.raises(services.NotPermitted):
        services.freeze(ada, by=User.FrozenBy.OWNER, actor=make_user("jon"), reason=REASON)
    ada.refresh_from_db()
    assert ada.may_sign_in


def test_unfreezing_what_is_not_frozen_leaves_no_trace(ada: User) -> None:
    services.unfreeze(ada, actor="system", reason=REASON)
    assert not Event.objects.exists()


@pytest.mark.parametrize("reason", ["", "because", "         x"])
def test_a_freeze_needs_a_reason(ada: User, reason: str) -> None:
    with pytest.raises(services.ReasonMissing):
        services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason=reason)
    ada.refresh_from_db()
    assert ada.frozen_at is None


def test_only_a_verified_primary_address_is_primary(ada: User) -> None:
    assert addresses.primary(ada) == "ada@example.org"
    EmailAddress.objects.filter(user=ada).update(verified=False)
    assert addresses.primary(ada) is None


def test_notices_go_to_verified_addresses_and_to_those_removed_lately(ada: User) -> None:
    EmailAddress.objects.create(user=ada, email="second@example.org", verified=True)
    EmailAddress.objects.create(user=ada, email="typed@example.org", verified=False)
    FormerAddress.objects.create(user=ada, email="lately@example.org")
    FormerAddress.objects.create(user=ada, email="second@example.org")
    old = FormerAddress.objects.create(user=ada, email="old@example.org")
    FormerAddress.objects.filter(pk=old.pk).update(removed_at=timezone.now() - timedelta(days=31))
    assert addresses.notice_addresses(ada) == ["ada@example.org", "second@example.org", "lately@example.org"]


def test_an_unverified_address_belongs_to_nobody(ada: User) -> None:
    EmailAddress.objects.create(user=ada, email="typed@example.org", verified=False)
    assert addresses.owner_of("typed@example.org") is None
    assert addresses.owner_of("ADA@example.org") == ada


def test_without_hooks_the_answers_are_harmless(ada: User) -> None:
    assert (hooks.may_change_address(ada), hooks.may_delete_account(ada)) == ("", "")
    assert (hooks.must_have_second_factor(ada), hooks.password_link(ada)) == (False, False)


def test_a_username_is_found_in_any_case_and_taken_in_any_case(ada: User) -> None:
    assert User.objects.get_by_natural_key("ADA") == ada
    with pytest.raises(Exception, match="(?i)unique"):
        User.objects.create_user("Ada", "other@example.org")
