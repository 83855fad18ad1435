"""A user who may make tokens, and tokens as their holders change them offline."""

from datetime import timedelta
from typing import Any

import pytest
from pymacaroons import Macaroon

from accounts.models import User
from tests import factories
from tokens import caveats, services
from tokens.services import Minted

PREFIX = "recoverydesk-"


@pytest.fixture
def holder(db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


def mint(user: User, **options: Any) -> Minted:
    given: dict[str, Any] = {"name": "test", "lifetime": timedelta(days=30)}
    return services.mint(user, **(given | options))


def attenuate(text: str, *restrictions: caveats.Caveat | str) -> str:
    """Narrow a token as its holder would, with nothing but pymacaroons."""
    macaroon = Macaroon.deserialize(text.removeprefix(PREFIX))
    for one in restrictions:
        macaroon.add_first_party_caveat(one if isinstance(one, str) else caveats.dumps(one))
    return PREFIX + str(macaroon.serialize())
