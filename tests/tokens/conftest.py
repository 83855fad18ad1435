"""A user who may make tokens."""

import pytest

from accounts.models import User
from tests.helpers import factories


@pytest.fixture
def holder(ada: User) -> User:
    factories.add_totp(ada)
    return ada
