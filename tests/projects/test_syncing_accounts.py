"""import_accounts --sync: a full list takes away what it lacks, and no more than is meant."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import addresses
from accounts.models import FormerAddress, User
from audit.models import Event
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery.evidence import ages
from tests.helpers.projects import MakeProject, own
from tests.helpers.tickets import add_address, everything, make_ticket

pytestmark = pytest.mark.django_db
Sync = Callable[..., str]
ADA = {"username": "ada", "email": "ada@example.org", "verified": True}
OWNER = [{"project": "spam", "kind": "owner"}]


@pytest.fixture
def kim_too(kim: User, spam: Project) -> User:
    own(kim, spam)
    return kim


@pytest.fixture
def sync(write: Callable[[str, Any], Path]) -> Sync:
    def run(*rows: Any, **options: Any) -> str:
        path = write("all.jsonl", b"\n".join(json.dumps(row).encode() for row in rows))
        out, options = io.StringIO(), {"ask": False, "most_removed": 100, **options}
        call_command("import_accounts", str(path), sync=True, stdout=out, stderr=out, **options)
        return out.getvalue()

    return run


def line(user: User, **changes: Any) -> dict[str, Any]:
    """An account as a list has it that agrees with what is stored."""
    rows = EmailAddress.objects.filter(user=user).order_by("pk")
    emails = [{"email": row.email, "verified": row.verified, "primary": row.primary} for row in rows]
    held = Role.objects.filter(user=user).select_related("project")
    return {
        "username": user.username,
        "emails": emails,
        "roles": [{"project": role.project.name, "kind": role.kind} for role in held],
        **changes,
    }


def tags(user: User) -> set[str]:
    return set(Event.objects.filter(subject_uid=user.uid).values_list("tag", flat=True))


def test_a_role_that_the_list_lacks_is_removed(sync: Sync, ada: User, kim_too: User, spam: Project) -> None:
    own(ada, spam)
    said = sync(line(ada, roles=[]), line(kim_too))
    assert "- ada: owner, spam" in said
    assert "1 of 2 roles, 0 of 2 addresses" in said
    assert Role.objects.get().user == kim_too
    assert "project:role:remove" in tags(ada)


def test_an_account_that_the_list_lacks_loses_its_roles_and_keeps_its_addresses(
    sync: Sync, ada: User, kim_too: User, spam: Project
) -> None:
    own(ada, spam)
    sync(line(kim_too))
    assert not Role.objects.filter(user=ada).exists()
    assert addresses.verified(ada) == ["ada@example.org"]


def test_a_list_that_agrees_changes_nothing(sync: Sync, ada: User, kim_too: User) -> None:
    before = everything()
    said = sync(line(ada), line(kim_too), most_removed=0)
    assert "New: nothing." in said
    assert everything() == before


def test_addresses_follow_the_list_and_the_old_one_goes_on_hearing_of_changes(sync: Sync, ada: User) -> None:
    sync({**ADA, "email": "new@example.org"})
    ada.refresh_from_db()
    assert (ada.email, addresses.verified(ada)) == ("new@example.org", ["new@example.org"])
    assert addresses.notice_addresses(ada) == ["new@example.org", "ada@example.org"]
    assert {
        "account:email:add", "account:email:verified", "account:email:remove", "account:email:primary:change",
    } <= tags(ada)  # fmt: skip


def test_an_address_that_is_no_longer_verified_is_taken_back_as_such(sync: Sync, ada: User) -> None:
    sync({**ADA, "verified": False})
    assert addresses.verified(ada) == []
    assert EmailAddress.objects.get(user=ada).email == "ada@example.org"
    assert addresses.notice_addresses(ada) == ["ada@example.org"]


def test_what_comes_with_a_list_is_new_and_speaks_for_nobody_yet(sync: Sync, ada: User, spam: Project) -> None:
    """An account of 2019 that is in a project since yesterday was not in it in 2019."""
    sync(line(ada, joined="2019-05-01T12:00:00Z", roles=OWNER))
    role = Role.objects.get()
    assert role.accepted_at
    assert timezone.now() - role.accepted_at < timedelta(hours=1)


def test_a_list_may_say_since_when(sync: Sync, ada: User, spam: Project) -> None:
    sync(line(ada, roles=[{"project": "spam", "kind": "owner", "since": "2021-01-01T00:00:00Z"}]))
    assert Role.objects.get().accepted_at.year == 2021  # type: ignore[union-attr]


def test_a_project_may_change_hands_in_one_list(sync: Sync, ada: User, kim: User, spam: Project) -> None:
    own(ada, spam)
    sync(line(ada, roles=[]), line(kim, roles=OWNER))
    assert Role.objects.get().user == kim


def test_the_last_owner_stays_and_is_named(sync: Sync, ada: User, spam: Project) -> None:
    own(ada, spam)
    assert "= ada, spam" in sync(line(ada, roles=[]))
    assert Role.objects.get().user == ada


@pytest.mark.parametrize("what", ["an open request", "staff", "quarantine"])
def test_some_accounts_no_list_changes(sync: Sync, ada: User, kim_too: User, spam: Project, what: str) -> None:
    """Who holds the list must not be who is let in: neither into the desk nor into what is being recovered."""
    own(ada, spam)
    if what == "an open request":
        make_ticket(ada)
    else:
        ada.is_staff = what == "staff"
        ada.quarantined_at = timezone.now() if what == "quarantine" else None
        ada.save()
    said = sync({**ADA, "email": "thief@example.org"}, line(kim_too))
    assert "= ada: " in said
    assert addresses.verified(ada) == ["ada@example.org"]
    assert Role.objects.filter(user=ada).exists()


def test_a_request_that_opens_between_the_look_and_the_removal_stops_it(
    sync: Sync, ada: User, kim_too: User, spam: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(ada, spam)

    def yes_later(_question: str) -> str:
        make_ticket(ada)
        return "y"

    monkeypatch.setattr("builtins.input", yes_later)
    assert "= ada: " in sync(line(ada, roles=[]), line(kim_too), ask=True)
    assert Role.objects.filter(user=ada).exists()


def test_a_list_that_lacks_too_much_changes_nothing(sync: Sync, ada: User, kim_too: User, spam: Project) -> None:
    own(ada, spam)
    before = everything()
    with pytest.raises(CommandError, match=r"1 of 2 roles are not in the list.*more than 5 percent.*--most-removed"):
        sync({**ADA, "email": "new@example.org"}, line(kim_too), most_removed=5)
    assert everything() == before


@pytest.mark.parametrize("answer", ["", "n", "no", "Y?"])
def test_without_a_yes_nothing_changes(
    sync: Sync, ada: User, kim_too: User, spam: Project, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    own(ada, spam)
    before = everything()
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    assert "Nothing was changed." in sync(line(ada, roles=[]), line(kim_too), ask=True)
    assert everything() == before


def test_a_dry_run_shows_and_changes_nothing(sync: Sync, ada: User, kim_too: User, spam: Project) -> None:
    own(ada, spam)
    before = everything()
    said = sync({**ADA, "email": "new@example.org"}, line(kim_too), dry_run=True)
    assert "- ada: ada@example.org" in said
    assert "- ada: owner, spam" in said
    assert everything() == before


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "names no account"),
        ([ADA, {"username": "Ada"}], "ada is in the list twice"),
        ([ADA, {"username": "a b"}], "is not a username"),
        ([ADA, []], "not a JSON object"),
    ],
)
def test_a_list_that_may_be_cut_off_is_refused(sync: Sync, ada: User, spam: Project, rows: list[Any], why: str) -> None:
    own(ada, spam)
    before = everything()
    with pytest.raises(CommandError, match=why):
        sync(*rows)
    assert everything() == before


def test_where_a_line_is_refused_no_role_is_removed(sync: Sync, ada: User, kim_too: User, spam: Project) -> None:
    own(ada, spam)
    with pytest.raises(CommandError, match="1 refused"):
        sync(line(ada, roles=[]), line(kim_too), {"username": "new", "roles": [{"project": "none", "kind": "owner"}]})
    assert Role.objects.filter(user=ada).exists()


def test_nobodys_verified_address_moves_to_another_account(sync: Sync, ada: User, kim: User) -> None:
    add_address(ada, "second@example.org")
    with pytest.raises(CommandError, match="1 refused"):
        sync(line(ada), line(kim, emails=[{"email": "second@example.org", "verified": True}]))
    assert addresses.verified(ada) == ["ada@example.org", "second@example.org"]


def test_a_dry_run_alone_says_what_it_needs(write: Callable[[str, Any], Path]) -> None:
    with pytest.raises(CommandError, match="--sync"):
        call_command("import_accounts", str(write("a.jsonl", b"")), dry_run=True)


def test_names_in_a_list_play_no_tricks_on_a_terminal(sync: Sync, ada: User, make_project: MakeProject) -> None:
    with pytest.raises(CommandError) as error:
        sync({"username": "\x1b[2J"})
    assert "\x1b" not in str(error.value)


def test_a_list_that_names_a_removed_address_daily_keeps_it_once(sync: Sync, ada: User, kim_too: User) -> None:
    removed = (timezone.now() - timedelta(days=3)).isoformat()
    for _day in range(3):
        sync(line(ada, former=[{"email": "was@example.org", "removed": removed}]), line(kim_too))
    assert list(FormerAddress.objects.values_list("email", flat=True)) == ["was@example.org"]


def test_a_list_cannot_make_an_address_old_that_is_new_here(sync: Sync, ada: User) -> None:
    """Whoever can write the list must not be let in by it."""
    sync({**ADA, "email": "new@example.org", "since": "2019-05-01T12:00:00Z"})
    assert ages.mailbox_is_young(ada, "new@example.org", timezone.now())
