"""Who asks for recovery."""

import pytest

from accounts.models import User
from tests.helpers import factories


@pytest.fixture
def ada(ada: User) -> User:
    """She has an app."""
    factories.add_totp(ada)
    return ada


@pytest.fixture
def subject(ada: User) -> User:
    """Ada with recovery codes as well, and no projects."""
    factories.add_codes(ada)
    return ada
