"""The pages of one's own tokens."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from recoverydesk.projects.services import open_project
from tests.helpers import factories
from tests.helpers.signing_in import enter
from tests.helpers.tokens import mint
from tokens import services
from tokens.checking import open_token
from tokens.models import ApiToken

NEW = "/account/tokens/new/"


@pytest.fixture
def browser_of_ada(client: Client, ada: User) -> Client:
    """A browser in which ada has just shown password and code."""
    return enter(client, ada)


def form(**changes: Any) -> dict[str, Any]:
    return {"name": "release workflow", "scope": "account", "days": "90"} | changes


def test_a_token_is_shown_once_with_recipes(browser_of_ada: Client, ada: User) -> None:
    page = browser_of_ada.post(NEW, form(), follow=True).content.decode()
    text = page.split('class="token"><code id="token">')[1].split("<")[0]
    assert open_token(text).user == ada
    for client in ("twine", "uv", "Poetry", "flit", "GitHub Actions"):
        assert f"<summary>{client}</summary>" in page
    assert "http://localhost:8000/legacy/" in page
    assert "${{ secrets.DESK_TOKEN }}" in page
    for address in ("/account/tokens/", f"/account/tokens/{ApiToken.objects.get().pk}/"):
        assert text not in browser_of_ada.get(address).content.decode()


def test_a_scope_is_one_of_ones_own_projects(browser_of_ada: Client, ada: User) -> None:
    mine = factories.make_project("mine", ada)
    foreign = factories.make_project("foreign", factories.make_user("kim"))
    assert b"foreign" not in browser_of_ada.get(NEW).content
    browser_of_ada.post(NEW, form(scope=str(foreign.uid)))
    assert not ApiToken.objects.exists()
    browser_of_ada.post(NEW, form(scope=str(mine.uid), only_newer="on"))
    row = ApiToken.objects.get()
    assert (row.project_uid, row.scope, row.caveats[-1]) == (mine.uid, "mine", "[100]")


@pytest.mark.parametrize(("owned", "first"), [(0, "account"), (1, "own-0"), (2, "")])
def test_a_token_is_for_one_project_unless_one_says_otherwise(
    browser_of_ada: Client, ada: User, owned: int, first: str
) -> None:
    """A browser sends the first choice: the one project, nothing where there are several, all where there is none."""
    uids = {f"own-{number}": str(factories.make_project(f"own-{number}", ada).uid) for number in range(owned)}
    choices = browser_of_ada.get(NEW).context["form"].fields["scope"].choices
    assert (choices[0][0], choices[-1][0]) == (uids.get(first, first), "account")
    browser_of_ada.post(NEW, form(scope=choices[0][0]))
    assert ApiToken.objects.count() == (owned < 2)


@pytest.mark.parametrize("changes", [{"days": "366"}, {"days": "0"}, {"days": ""}, {"name": ""}, {"name": "x" * 101}])
def test_a_wrong_form_makes_no_token(browser_of_ada: Client, changes: dict[str, Any]) -> None:
    assert b"errorlist" in browser_of_ada.post(NEW, form(**changes)).content
    assert not ApiToken.objects.exists()


def test_a_token_without_an_end_where_policy_allows(browser_of_ada: Client, settings: Any) -> None:
    settings.TOKEN_WITHOUT_EXPIRY = True
    browser_of_ada.post(NEW, form(days=""))
    assert ApiToken.objects.get().expires_at is None


def test_making_and_confirming_ask_for_a_recent_second_factor(browser_of_ada: Client, ada: User, settings: Any) -> None:
    row = mint(ada).row
    settings.RECENT_SECOND_FACTOR *= 0
    for address in (NEW, f"/account/tokens/{row.pk}/confirm/"):
        assert browser_of_ada.post(address, form()).status_code == 302
    assert ApiToken.objects.count() == 1


def test_the_table_tells_scope_end_and_last_use(browser_of_ada: Client, ada: User) -> None:
    row = mint(ada).row
    ApiToken.objects.update(last_used_at=factories.LONG_AGO, last_used_from="192.0.2.7")
    page = browser_of_ada.get("/account/tokens/").content.decode()
    assert row.expires_at
    ends = f"{row.expires_at.day} {row.expires_at:%b %Y, %H:%M}"
    assert all(part in page for part in ("your whole account", ends, "192.0.2.7", "1 March 2024"))


def test_a_get_revokes_nothing_and_a_post_does(browser_of_ada: Client, ada: User) -> None:
    rows = [mint(ada, name=f"token {number}").row for number in range(3)]
    browser_of_ada.get(f"/account/tokens/{rows[0].pk}/revoke/")
    browser_of_ada.get("/account/tokens/revoke/")
    assert ApiToken.objects.live().count() == 3
    browser_of_ada.post(f"/account/tokens/{rows[0].pk}/revoke/")
    assert ApiToken.objects.live().count() == 2
    browser_of_ada.post("/account/tokens/revoke/")
    assert ApiToken.objects.live().count() == 0


def test_a_suspended_token_is_confirmed_here(browser_of_ada: Client, ada: User) -> None:
    row = mint(ada).row
    services.hold_all(ada, actor="system", reason="second factors were reset")
    assert b"on hold" in browser_of_ada.get("/account/tokens/").content
    browser_of_ada.get(f"/account/tokens/{row.pk}/confirm/")
    assert not ApiToken.objects.live().exists()
    browser_of_ada.post(f"/account/tokens/{row.pk}/confirm/")
    assert ApiToken.objects.live().exists()


def test_the_tokens_of_others_do_not_exist_here(browser_of_ada: Client, db: None) -> None:
    kim = factories.make_user("kim")
    factories.add_totp(kim)
    row = mint(kim).row
    for door in ("", "revoke/", "confirm/"):
        assert browser_of_ada.post(f"/account/tokens/{row.pk}/{door}").status_code == 404
    assert ApiToken.objects.live().exists()


def test_a_token_page_shows_what_was_done_with_it(browser_of_ada: Client, ada: User) -> None:
    one, other = mint(ada, name="one").row, mint(ada, name="other").row
    open_project("sample", owner=ada, token=one.id)
    assert "A project was created. sample" in browser_of_ada.get(f"/account/tokens/{one.pk}/").content.decode()
    assert b"sample" not in browser_of_ada.get(f"/account/tokens/{other.pk}/").content


def test_the_table_asks_a_fixed_number_of_questions(
    browser_of_ada: Client, ada: User, django_assert_max_num_queries: Any
) -> None:
    ApiToken.objects.bulk_create(ApiToken(user=ada, name=f"token {number}") for number in range(100))
    with django_assert_max_num_queries(12):
        browser_of_ada.get("/account/tokens/")
