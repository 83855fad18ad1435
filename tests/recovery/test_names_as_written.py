"""Every form and command that takes an account's name takes it as people write it; a new one is walked by itself."""

import ast
from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.forms import Form
from django.test import Client, RequestFactory

from accounts.forms import AccountNameField, CorrectAddressForm
from accounts.models import User
from common import keys
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.desk import search
from recoverydesk.recovery.desk.pages.opening import WhoForm
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.public.forms import RecoverForm
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.factories import LONG_AGO
from tests.helpers.files import ROOT
from tests.helpers.names_as_written import ACCOUNT, CASES, REFUSED
from tests.helpers.tickets import make_moderator, make_root, make_ticket

pytestmark = pytest.mark.django_db
ROOMS = ("recoverydesk", "accounts", "tokens", "audit", "common")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
UNDERSTOOD = [typed for typed, meant in CASES if meant is not REFUSED]
IMPOSSIBLE = [typed for typed, meant in CASES if meant is REFUSED]
REASON = ["--reason", "nobody else is there"]
# Arguments of commands that name an account, and how each is called with one.
COMMANDS: dict[str, list[str]] = {
    "ticket open --user": ["ticket", "open", "--claim", "second_factor", "--user"],
    "ticket open --actor": ["ticket", "open", "--claim", "second_factor", "--user", "bob", "--actor"],
    "ticket show --actor": ["ticket", "show", "NUMBER", "--actor"],
    "ticket list --actor": ["ticket", "list", "--actor"],
    "ticket check --actor": ["ticket", "check", "NUMBER", "--actor"],
    "break_glass user": ["break_glass", *REASON],
    "import_projects --owner": ["import_projects", str(ROOT / "tests/data/projects/b4.json"), "--dry-run", "--owner"],
}
# The log keeps names of accounts that are gone and is asked for exactly those.
OF_THE_LOG = {"export_audit --account"}


@pytest.fixture(autouse=True)
def ada(db: None, settings: Any) -> User:
    settings.RECOVERY_PROFILE_URLS = ["https://registry.example/user/"]
    user = factories.make_user(ACCOUNT)
    factories.add_totp(user)
    return user


def arguments(parser: ArgumentParser, name: str) -> Iterator[tuple[str, Action]]:
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for verb, sub in action.choices.items():
                yield from arguments(sub, f"{name} {verb}")
        else:
            yield f"{name} {(action.option_strings or [action.dest])[-1]}", action


def names_an_account(action: Action) -> bool:
    words = " ".join(str(one) for one in (action.dest, action.metavar, action.help)).lower()
    return action.dest in ("user", "actor", "owner", "account", "username", "subject") or "username" in words


def test_every_argument_of_a_command_that_names_an_account_is_known() -> None:
    ours = {name: app for name, app in get_commands().items() if str(app).split(".")[0] in ROOMS}
    found = {
        one
        for name, app in ours.items()
        for one, action in arguments(load_command_class(str(app), name).create_parser("manage.py", name), name)
        if names_an_account(action)
    }
    assert found == set(COMMANDS) | OF_THE_LOG


@pytest.mark.parametrize("typed", UNDERSTOOD)
@pytest.mark.parametrize("argument", COMMANDS)
def test_a_command_takes_a_name_as_people_write_it(argument: str, typed: str, ada: User) -> None:
    bob = factories.make_user("bob")
    factories.add_totp(bob)
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser="--actor" in argument, staff_since=LONG_AGO)
    number = str(make_ticket(bob).pk) if "NUMBER" in COMMANDS[argument] else ""
    call_command(*[number if one == "NUMBER" else one for one in COMMANDS[argument]], typed, no_color=True)


@pytest.mark.parametrize("typed", [*IMPOSSIBLE, "nobody"])
@pytest.mark.parametrize("argument", COMMANDS)
def test_a_command_says_that_nobody_is_called_so(argument: str, typed: str) -> None:
    with pytest.raises(CommandError):
        call_command(*[one.replace("NUMBER", "1") for one in COMMANDS[argument]], typed)


def forms_that_name_an_account() -> set[str]:
    """Every class in the program with a field of the kind."""
    found = set()
    for path in SOURCES:
        for one in ast.walk(ast.parse(path.read_text())):
            if isinstance(one, ast.ClassDef) and "AccountNameField(" in "".join(map(ast.unparse, one.body)):
                found.add(one.name)
    return found


FORMS: dict[str, type[Form]] = {
    "CorrectAddressForm": CorrectAddressForm, "RecoverForm": RecoverForm, "WhoForm": WhoForm,
}  # fmt: skip
EXACT = {"DeleteForm"}  # the name of the account one is signed in to, typed so that nobody deletes it by a slip


@pytest.mark.thorough
def test_every_form_with_a_username_uses_the_one_field() -> None:
    assert forms_that_name_an_account() == set(FORMS)
    plain = {
        one.name
        for path in SOURCES
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.ClassDef) and "username = forms.CharField(" in "\n".join(map(ast.unparse, one.body))
    }
    assert plain == EXACT


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_takes_a_name_as_people_write_it_and_refuses_what_can_be_none(form: type[Form]) -> None:
    more = {"claim": "second_factor", "codes": "lost", "password": "any", "email": "new@example.org"}
    for typed in UNDERSTOOD:
        filled = form({"username": typed, **more})
        assert filled.is_valid(), (typed, filled.errors)
        assert intake.find_subject(filled.cleaned_data["username"]) == User.objects.get(username=ACCOUNT)
    for typed in IMPOSSIBLE:
        refused = form({"username": typed, **more})
        assert refused.errors == {"username": [str(AccountNameField.default_error_messages["no_name"])]}


def test_nothing_else_looks_an_account_up_by_a_typed_name() -> None:
    """Sign-in counts tries by the text itself, a mention has its shape already, an import holds exact names."""
    looking = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if "with_username(" in path.read_text() or "username__iexact" in path.read_text()
    }
    assert looking == {
        "accounts/adapter.py",
        "accounts/models.py",
        "accounts/sign_in.py",
        "accounts/typed_names.py",
        "recoverydesk/projects/importing_accounts.py",
        "recoverydesk/projects/syncing_accounts.py",
        "recoverydesk/recovery/desk/mentions.py",
    }


@pytest.mark.parametrize("typed", UNDERSTOOD)
def test_intake_reads_what_a_row_of_an_earlier_release_holds(typed: str) -> None:
    row = intake.note_request(username=typed, claim="second_factor", says_codes_lost=True, network="")
    assert intake.handle(row)
    assert RecoveryTicket.objects.get().subject.username == ACCOUNT


def test_a_row_with_an_impossible_name_opens_nothing() -> None:
    row = intake.note_request(username="ada lovelace", claim="second_factor", says_codes_lost=True, network="")
    assert intake.handle(row) is None
    assert intake.what_it_asks(row) != intake.what_it_asks(
        intake.note_request(username="ada", claim="second_factor", says_codes_lost=True, network="")
    )


def test_one_account_written_in_two_ways_asks_for_the_same(settings: Any) -> None:
    rows = [
        intake.note_request(username=name, claim="second_factor", says_codes_lost=True, network="")
        for name in ("`Ada`", "https://registry.example/user/ada")
    ]
    assert len({intake.what_it_asks(row) for row in rows}) == 1
    rows[0].payload = keys.encrypt("another purpose", b"{}")
    assert intake.what_it_asks(rows[0]).startswith("unreadable")


@pytest.mark.parametrize("typed", UNDERSTOOD)
def test_the_desk_finds_tickets_and_accounts_as_well(typed: str, ada: User) -> None:
    ticket = make_ticket(ada)
    assert ticket.pk in search.find_tickets(typed)[0]
    request = RequestFactory().get("/")
    request.user = make_root()
    accounts = admin.site._registry[User]
    assert ada in accounts.get_search_results(request, User.objects.all(), typed)[0]


def test_staff_reach_the_opening_form_by_name(ada: User) -> None:
    desk: Client = browser(make_moderator())
    page = "/admin/recovery/recoveryticket/open/"
    assert f'href="{page}"' in desk.get("/admin/recovery/recoveryticket/").content.decode()
    answer = desk.post(page, {"username": " `@Ada` "})
    assert answer.headers["Location"] == f"/admin/recovery/recoveryticket/account/{ada.pk}/open/"
    assert desk.get(answer.headers["Location"]).status_code == 200
    nobody = desk.post(page, {"username": "nobody"})
    assert (nobody.status_code, "No active account has this name" in nobody.content.decode()) == (409, True)
    assert not RecoveryTicket.objects.exists()
    auditor = browser(factories.make_user("vera", staff=True, groups=["Auditors"]))
    assert auditor.post(page, {"username": "ada"}).status_code == 403
