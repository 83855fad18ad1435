"""The list says what each token still opens; a name is used once; whoever holds a token can end it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.projects.models import Role
from tests.helpers import factories
from tests.helpers.signing_in import enter
from tests.helpers.tokens import basic, mint
from tokens import services
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(ada: User) -> User:
    factories.add_app(ada)
    return ada


def shown(client: Client, ada: User) -> str:
    return " ".join(enter(client, ada).get("/account/tokens/").content.decode().split())


def test_the_list_says_what_is_expired_narrowed_or_of_a_lost_role(client: Client, ada: User) -> None:
    spam, eggs = (factories.make_project(name, ada) for name in ("spam", "eggs"))
    mint(ada, project=spam, only_newer=True)
    lost = "You have no role in this project"
    assert lost not in shown(client, ada)
    mint(ada, project=eggs)
    Role.objects.filter(project=eggs).update(held_at=timezone.now())
    old = mint(ada).row
    ApiToken.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(days=1))
    page = " ".join(client.get("/account/tokens/").content.decode().split())
    assert page.count(lost) == 1
    assert page.count(">expired<") == 1
    assert page.count("Only versions that are newer than all others.") == 1
    assert lost in client.get(f"/account/tokens/{ApiToken.objects.get(project_name='eggs').pk}/").content.decode()


def test_a_name_is_used_once_until_its_token_is_revoked(client: Client, ada: User) -> None:
    first = mint(ada, name="release").row
    with pytest.raises(services.NameTaken):
        mint(ada, name="Release")
    form = {"name": "release", "scope": "account", "days": "30"}
    page = enter(client, ada).post("/account/tokens/new/", form).content.decode()
    assert "You have a token of this name already." in page
    kim = factories.make_user("kim")
    factories.add_app(kim)
    mint(kim, name="release")
    services.revoke([first], actor=ada)
    mint(ada, name="release")


def test_whoever_holds_a_token_revokes_it_and_its_user_hears(client: Client, ada: User) -> None:
    headers = {"Authorization": f"bearer {mint(ada).text}"}
    assert client.get("/api/token", headers=headers).json()["user"] == "ada"
    answer = client.delete("/api/token", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert ApiToken.objects.get().revoked_at is not None
    assert Event.objects.get(tag="account:api_token:removed").actor_name == "token holder"
    assert Mail.objects.filter(kind="token_revoked", recipient="ada@example.org").exists()
    again = client.delete("/api/token", headers=headers)
    assert again.status_code == 403
    assert "token was revoked" in again.json()["detail"]


def test_a_password_or_nothing_revokes_nothing(client: Client, ada: User) -> None:
    text = mint(ada).text
    assert client.delete("/api/token").status_code == 401
    assert client.delete("/api/token", headers={"Authorization": basic(text, "ada")}).status_code == 403
    enter(client, ada)
    assert client.delete("/api/token").status_code == 401
    assert ApiToken.objects.get().revoked_at is None


def test_a_browser_is_not_tricked_into_it(ada: User) -> None:
    """No cookie counts, so no page of a stranger can send it: it would need the token."""
    strict = Client(enforce_csrf_checks=True)
    assert strict.delete("/api/token", headers={"Authorization": basic(mint(ada).text)}).status_code == 204
