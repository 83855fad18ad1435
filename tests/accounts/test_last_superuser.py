"""Somebody can always give superuser rights: the last superuser keeps them, however many try at once."""

import pytest
from django.test import Client

from accounts import lifecycle, services
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.decided import set_staff
from tests.helpers.factories import make_user
from tests.helpers.meanwhile import at_once
from tests.helpers.signing_in import PEOPLE, enter


def take_rights(user: User, actor: User) -> str:
    try:
        set_staff(user, is_staff=False, is_superuser=False, groups=[], actor=actor)
    except (services.LastSuperuser, services.NotPermitted) as refusal:
        return type(refusal).__name__
    return "taken"


@pytest.mark.django_db
def test_the_last_superuser_keeps_the_right_and_is_told_why(client: Client) -> None:
    root = make_user("root", **PEOPLE["superuser"])
    enter(client, root)
    answer = client.post(f"/admin/accounts/user/{root.pk}/change/", {"is_staff": "on"}, follow=True)
    assert "This is the last superuser. Make another account a superuser first." in answer.content.decode()
    assert User.objects.get(pk=root.pk).is_superuser
    assert not Event.objects.filter(tag=Tag.ACCOUNT_STAFF_REMOVE).exists()


@pytest.mark.django_db
def test_the_last_superuser_cannot_delete_the_account() -> None:
    root = make_user("root", **PEOPLE["superuser"])
    with pytest.raises(lifecycle.DeletionRefused, match="last superuser"):
        lifecycle.delete_account(root, actor=root)
    make_user("other", **PEOPLE["superuser"])
    lifecycle.delete_account(root, actor=root)
    assert not User.objects.get(pk=root.pk).is_active


@pytest.mark.django_db
def test_a_closed_superuser_does_not_count() -> None:
    root, gone = (make_user(name, **PEOPLE["superuser"]) for name in ("root", "gone"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert take_rights(root, root) == "LastSuperuser"
    assert take_rights(gone, root) == "taken"


@pytest.mark.django_db(transaction=True)
def test_of_six_superusers_who_give_the_right_up_at_once_one_keeps_it() -> None:
    people = [make_user(f"root{number}", **PEOPLE["superuser"]) for number in range(6)]
    answers = at_once(lambda number: take_rights(people[number], people[number]), many=6)
    assert sorted(answers) == ["LastSuperuser"] + ["taken"] * 5
    assert User.objects.filter(is_superuser=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_the_right_from_each_other_one_keeps_it() -> None:
    people = [make_user(f"root{number}", **PEOPLE["superuser"]) for number in range(2)]
    answers = at_once(lambda number: take_rights(people[number], people[1 - number]), many=2)
    assert sorted(answers) == ["NotPermitted", "taken"]


@pytest.mark.django_db
def test_the_event_of_changed_rights_holds_old_and_new_and_is_written_for_a_change_only() -> None:
    root, ada = make_user("root", **PEOPLE["superuser"]), make_user("ada")
    for _again in range(2):
        set_staff(ada, is_staff=True, is_superuser=False, groups=[], actor=root)
    (event,) = Event.objects.filter(subject_uid=ada.uid)
    rights = {"is_staff": True, "is_superuser": False, "was_staff": False, "was_superuser": False}
    assert {name: event.data[name] for name in rights} == rights
