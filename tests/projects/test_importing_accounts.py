"""import_accounts: accounts, addresses and roles from JSON lines."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts import addresses
from accounts.models import User
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery.evidence import ages
from tests.helpers.projects import day

pytestmark = pytest.mark.django_db
Write = Callable[[str, Any], Path]
ADA = {
    "username": "Ada",
    "email": "Ada@example.org",
    "verified": True,
    "emails": [{"email": "old@example.org", "verified": False}],
    "joined": "2019-05-01T12:00:00Z",
    "roles": [{"project": "Spam", "kind": "owner"}],
}


def lines(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def run(path: Path) -> str:
    out = io.StringIO()
    call_command("import_accounts", str(path), stdout=out)
    return out.getvalue()


def refused(path: Path) -> list[str]:
    err = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("import_accounts", str(path), stdout=io.StringIO(), stderr=err)
    assert error.value.returncode == 1
    return err.getvalue().splitlines()


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (User, EmailAddress, Role, Event))


def test_an_account_comes_with_addresses_role_and_no_password(write: Write, spam: Project) -> None:
    assert "1 accounts, 1 roles" in run(write("a.jsonl", lines(ADA)))
    user = User.objects.get(username="Ada")
    assert (user.email, user.date_joined, user.is_active) == ("ada@example.org", day("2019-05-01"), True)
    assert not user.has_usable_password()
    rows = EmailAddress.objects.filter(user=user).order_by("pk").values_list("email", "verified", "primary")
    assert list(rows) == [("ada@example.org", True, True), ("old@example.org", False, False)]
    role = Role.objects.get()
    assert (role.user, role.project, role.kind, role.created_at) == (user, spam, "owner", day("2019-05-01"))
    assert role.accepted_at == role.created_at
    assert Event.objects.filter(tag="account:import", subject_uid=user.uid).count() == 1


@pytest.mark.usefixtures("spam")
def test_again_changes_nothing(write: Write) -> None:
    path = write("a.jsonl", lines(ADA, {"username": "kim"}))
    run(path)
    before = counts()
    assert "New: nothing." in run(path)
    assert counts() == before


def test_an_existing_account_gains_roles_but_no_address(write: Write, ada: User, spam: Project) -> None:
    run(write("a.jsonl", lines(ADA)))
    ada.refresh_from_db()
    assert (ada.username, ada.email) == ("ada", "ada@example.org")
    assert not EmailAddress.objects.filter(email="old@example.org").exists()
    assert Role.objects.get().user == ada


def test_addresses_may_stand_in_the_list_alone(write: Write) -> None:
    emails = [
        {"email": "a@example.org", "verified": True},
        {"email": "b@example.org", "verified": True, "primary": True},
    ]
    run(write("a.jsonl", lines({"username": "ada", "emails": emails, "is_active": False})))
    user = User.objects.get()
    assert (user.email, user.is_active) == ("b@example.org", False)
    assert EmailAddress.objects.filter(verified=True).count() == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{", "not JSON"),
        ([], "not a JSON object"),
        ({}, "is not a username"),
        ({"username": "a b"}, "is not a username"),
        ({"username": "ada\n"}, "is not a username"),
        ({"username": "x" * 51}, "is not a username"),
        ({"username": 5}, "is not a username"),
        ({"username": "ada", "password": "x"}, "unknown key password"),
        ({"username": "ada", "is_active": "yes"}, "is_active is neither true nor false"),
        ({"username": "ada", "email": "x"}, "is not an e-mail address"),
        ({"username": "ada", "email": 5}, "an e-mail address is not text"),
        ({"username": "ada", "email": "a@example.org\x00"}, "control characters"),
        ({"username": "ada", "email": "a@example.org", "verified": 1}, "verified is neither"),
        ({"username": "ada", "emails": {}}, "emails is not an array of JSON objects"),
        ({"username": "ada", "emails": [{"email": f"{n}@example.org"} for n in range(11)]}, "more than 10 entries"),
        ({"username": "ada", "emails": [{"email": "a@example.org"}, {"email": "A@example.org"}]}, "appears twice"),
        (
            {"username": "ada", "emails": [{"email": f"{n}@example.org", "primary": True} for n in "ab"]},
            "than one address",
        ),
        ({"username": "ada", "email": "kim@example.org", "verified": True}, "belongs to another account"),
        ({"username": "ada", "joined": "once"}, "is not an ISO 8601 time"),
        ({"username": "ada", "roles": [{"project": "none", "kind": "owner"}]}, "there is no project none"),
        ({"username": "ada", "roles": [{"project": "spam", "kind": "king"}]}, "'king' is not a kind of role"),
        ({"username": "ada", "roles": [{"project": ["spam"], "kind": []}]}, "is not a project name"),
    ],
)
def test_a_bad_line_is_named_with_the_reason_and_the_rest_imported(
    write: Write, kim: User, spam: Project, row: Any, reason: str
) -> None:
    path = write("a.jsonl", lines({"username": "first"}, row, {"username": "last"}))
    found = refused(path)
    assert len(found) == 1
    assert found[0].startswith(f"{path}, line 2: ")
    assert reason in found[0]
    assert set(User.objects.values_list("username", flat=True)) == {"kim", "first", "last"}
    assert EmailAddress.objects.count() == 1


def test_a_role_of_another_kind_is_changed(write: Write, spam: Project) -> None:
    run(write("a.jsonl", lines({"username": "ada", "roles": [{"project": "spam", "kind": "maintainer"}]})))
    run(write("b.jsonl", lines({"username": "ada", "roles": [{"project": "spam", "kind": "owner"}]})))
    assert Role.objects.get().kind == "owner"


# Since when an address is the account's -------------------------------------------------------------------------------


def ago(days: float) -> str:
    return (database_now() - timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("said", "young"),
    [
        ({}, False),
        ({"since": 400}, False),
        ({"since": 31}, False),
        ({"since": 29}, True),
        ({"joined": 29}, True),
        ({"joined": 400, "since": 3}, True),
        ({"joined": 3, "since": 400}, True),  # no address is older than its account
        ({"joined": 400, "since": -3}, True),
        ({"verified": False, "since": 3}, False),  # nobody verified it: another rule's matter
    ],
    ids=str,
)
def test_an_imported_address_is_as_old_as_the_list_says(write: Write, said: dict[str, Any], young: bool) -> None:
    times = {key: ago(value) if key != "verified" else value for key, value in said.items()}
    run(write("a.jsonl", lines({"username": "ada", "email": "ada@example.org", "verified": True, **times})))
    ada = User.objects.get(username="ada")
    assert ages.mailbox_is_young(ada, "ada@example.org", database_now()) == young


def test_each_address_of_an_account_has_its_own_date(write: Write) -> None:
    rows: list[dict[str, Any]] = [
        {"email": "old@example.org", "verified": True, "since": ago(900)},
        {"email": "new@example.org", "verified": True, "since": ago(2), "primary": True},
    ]
    run(write("a.jsonl", lines({"username": "ada", "joined": ago(1000), "emails": rows})))
    ada, now = User.objects.get(username="ada"), database_now()
    assert [ages.address_is_young(ada, row["email"], now) for row in rows] == [False, True]
    assert not ages.address_is_young(ada, "new@example.org", now + timedelta(days=29))  # by its own date, not today's


def test_an_address_that_was_removed_at_the_registry_hears_of_changes_for_a_while(write: Write) -> None:
    former = [{"email": "Old@example.org", "removed": ago(5)}, {"email": "older@example.org", "removed": ago(31)}]
    run(write("a.jsonl", lines({"username": "ada", "email": "ada@example.org", "verified": True, "former": former})))
    assert addresses.notice_addresses(User.objects.get()) == ["ada@example.org", "old@example.org"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"since": "soon"}, "is not an ISO 8601 time"),
        ({"emails": [{"email": "a@example.org", "since": 3}]}, "is not a"),
        ({"former": [{"email": "a@example.org"}]}, "is not a"),
        ({"former": [{"email": "nobody", "removed": "2026-01-01"}]}, "is not an e-mail address"),
        ({"former": [{"email": "ada@example.org", "removed": "2026-01-01"}]}, "an address appears twice"),
        ({"former": "a@example.org"}, "former is not an array of JSON objects"),
    ],
    ids=str,
)
def test_a_date_that_is_none_refuses_the_line(write: Write, changes: dict[str, Any], message: str) -> None:
    said = refused(write("a.jsonl", lines({"username": "ada", "email": "ada@example.org", **changes})))
    assert message in said[0]
    assert not User.objects.exists()
