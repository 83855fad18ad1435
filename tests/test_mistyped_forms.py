"""Forms that take an address ask about a slip before anything is sent there, and the person has the last word."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import mistyped
from accounts.mail.models import Mail, Request
from accounts.models import User
from tests.helpers import factories
from tests.helpers.signing_in import enter

SIGN_UP = {"username": "new", "password1": factories.PASSWORD, "password2": factories.PASSWORD}
RECOVER = {"username": "ada", "claim": "email", "codes": "lost"}
FORMS = [("/account/signup/", "email", SIGN_UP), ("/recover/", "contact", RECOVER)]


def nothing_was_done() -> bool:
    return not (Mail.objects.exists() or Request.objects.exists() or User.objects.exists())


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "field", "given"), FORMS)
def test_every_form_that_takes_an_address_asks_first_and_believes_the_person(
    path: str, field: str, given: dict[str, str]
) -> None:
    client = Client()
    asked = client.post(path, {**given, field: "ada@gmai.com"}).content.decode()
    assert "Did you mean ada@gmail.com?" in asked
    assert 'value="ada@gmai.com"' in asked
    assert nothing_was_done()
    again = client.post(path, {**given, field: "ada@gmial.com", mistyped.RIGHT: "ada@gmai.com"}).content.decode()
    assert "Did you mean ada@gmail.com?" in again, "the box was ticked for another address"
    assert "checked" not in again.split(mistyped.RIGHT)[1].split(">")[0]
    assert nothing_was_done()
    assert client.post(path, {**given, field: "ada@gmai.com", mistyped.RIGHT: "ada@gmai.com"}).status_code == 302


@pytest.mark.django_db
def test_a_further_address_is_asked_about_as_well(ada: User) -> None:
    factories.add_app(ada)
    client = enter(Client(), ada)
    asked = client.post("/account/email/", {"action_add": "", "email": "ada@gmai.com"}).content.decode()
    assert "Did you mean ada@gmail.com?" in asked
    client.post("/account/email/", {"action_add": "", "email": "ada@gmai.com", mistyped.RIGHT: "ada@gmai.com"})
    assert EmailAddress.objects.filter(user=ada, email="ada@gmai.com").exists()
