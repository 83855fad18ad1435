"""An owner with a token, and an uploader that sends what twine would send."""

import pytest

from accounts.models import User
from tests.helpers import factories
from tests.helpers.uploading import send as send
from tests.helpers.uploading import storage as storage
from tests.helpers.uploading import token as token


@pytest.fixture
def ada(ada: User) -> User:
    """She may make tokens."""
    factories.add_totp(ada)
    return ada
