"""The account that is attacked."""

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import User
from recoverydesk.recovery.background import sweep
from tests.helpers import factories
from tests.helpers.tickets import age_factors

URLS = [("Source", "https://github.com/ada/tool")]


@pytest.fixture(autouse=True)
def _nobody_looks_at_the_internet(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The far end of the network is the test's own business; a test with a real host looks at it."""
    if "host" not in request.fixturenames:
        monkeypatch.setattr("recoverydesk.recovery.background.probe_rounds.probe_due", lambda: 0)


@pytest.fixture
def ada(ada: User) -> User:
    """The honest owner: an app and codes of two months ago, a second address, one project with one repository."""
    factories.add_totp(ada)
    factories.add_codes(ada)
    EmailAddress.objects.create(user=ada, email="ada@second.example", verified=True, primary=False)
    factories.make_project("tool", ada, urls=URLS)
    sweep.sweep()
    mail.outbox.clear()
    return age_factors(ada)
