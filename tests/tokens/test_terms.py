"""What projects ask of a new token: its days, a second factor of its own, and no whole account."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import decisions
from accounts.devices import TotpDevice
from accounts.models import User
from recoverydesk.projects.models import Project
from tests.helpers import factories
from tests.helpers.guards import guard
from tests.helpers.signing_in import code_of, enter
from tests.helpers.tokens import mint
from tokens import services
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
PAGE = "/account/tokens/new/"


@pytest.fixture
def spam(ada: User) -> Project:
    factories.add_totp(ada)
    return factories.make_project("spam", ada)


def form(project: Project | None, days: int = 30) -> dict[str, Any]:
    return {"name": "ci", "scope": str(project.uid) if project else "account", "days": days}


def test_a_token_lasts_no_longer_than_its_project_wants(ada: User, spam: Project) -> None:
    guard(spam, token_days="7")
    other = factories.make_project("other", ada)
    with pytest.raises(services.TooLongForProject, match="For spam a token can last 7 days at most."):
        mint(ada, project=spam, lifetime=timedelta(days=8))
    with pytest.raises(services.TooLongForProject):
        mint(ada, lifetime=timedelta(days=8))  # it would open spam, too
    assert mint(ada, project=spam, lifetime=timedelta(days=7))
    assert mint(ada, project=other, lifetime=timedelta(days=365))


def test_a_token_without_an_end_lasts_too_long(settings: Any, ada: User, spam: Project) -> None:
    settings.TOKEN_WITHOUT_EXPIRY = True
    guard(spam, token_days="365")
    with pytest.raises(services.TooLongForProject):
        mint(ada, project=spam, lifetime=None)


def test_a_project_that_takes_no_token_for_an_account_does_not_shorten_it(ada: User, spam: Project) -> None:
    guard(spam, token_days="7", token_factor="on", project_tokens="on")
    assert mint(ada, lifetime=timedelta(days=365))


def test_the_site_asks_of_every_token(settings: Any, ada: User, spam: Project) -> None:
    settings.GUARDS = settings.GUARDS | {"token_days": "1"}
    guard(spam, project_tokens="on")
    with pytest.raises(services.TooLongForProject, match="^A token can last 1 day at most.$"):
        mint(ada, lifetime=timedelta(days=2))
    with pytest.raises(services.TooLongForProject):
        mint(ada, project=spam, lifetime=timedelta(days=2))


def test_a_token_of_a_guarded_project_asks_for_a_factor_of_its_own(ada: User, spam: Project) -> None:
    guard(spam, token_factor="on")
    for project in (spam, None):
        with pytest.raises(decisions.ConfirmationNeeded) as needed:
            mint(ada, project=project)
        assert not needed.value.decision.staff  # STAFF_STEP_UP asks nothing of account holders
    assert not ApiToken.objects.exists()


def test_the_page_says_what_projects_ask(client: Client, ada: User, spam: Project) -> None:
    guard(spam, token_days="7", token_factor="on", project_tokens="on")
    factories.make_project("other", ada)
    html = " ".join(enter(client, ada).get(PAGE).content.decode().split())
    assert (
        "<strong>spam</strong>: A token for a whole account is refused here. A token lasts 7 days at most. "
        "We ask for your second factor for each token."
    ) in html
    assert "<strong>other</strong>" not in html
    said = client.post(PAGE, form(spam, days=30)).content.decode()
    assert "For spam a token can last 7 days at most." in said


@pytest.mark.parametrize("step_up", ["any", "webauthn"])
def test_the_page_asks_for_the_factor_and_makes_one_token(
    settings: Any, client: Client, ada: User, spam: Project, step_up: str
) -> None:
    settings.STAFF_STEP_UP = step_up
    guard(spam, token_factor="on")
    enter(client, ada)
    page = client.post(PAGE, form(spam))["Location"]
    assert not ApiToken.objects.exists()
    assert "Make the token “ci” for spam." in client.get(page).content.decode()
    device = TotpDevice.objects.get(user=ada)
    for _again in range(2):
        TotpDevice.objects.filter(pk=device.pk).update(last_step=-1)
        answer = client.post(page, {"code": code_of(device)}, follow=True)
    assert ApiToken.objects.count() == 1
    assert answer.status_code == 200
    other = client.post(PAGE, form(spam) | {"name": "another"})["Location"]
    assert other != page
    assert ApiToken.objects.count() == 1
