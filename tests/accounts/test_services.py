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
