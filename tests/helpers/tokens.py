"""Tokens, and what their holders do with them."""

import base64
from datetime import timedelta
from typing import Any

from pymacaroons import Macaroon

from accounts.models import User
from recoverydesk.projects.models import Project
from tokens import caveats, services
from tokens.models import ApiToken
from tokens.services import Minted

PREFIX = "recoverydesk-"


def mint(user: User, *, project: Any = None, **options: Any) -> Minted:
    """A token of the account, or of one project: its row, or what a caveat says of it."""
    scope = caveats.Project(project.normalized_name, project.uid) if isinstance(project, Project) else project
    there = ApiToken.objects.filter(user=user).count()
    given: dict[str, Any] = {
        "name": f"test {there}" if there else "test",
        "lifetime": timedelta(days=30),
        "project": scope,
    }
    return services.mint(user, **(given | options))


def attenuate(text: str, *restrictions: caveats.Caveat | str) -> str:
    """Narrow a token as its holder would, with nothing but pymacaroons."""
    macaroon = Macaroon.deserialize(text.removeprefix(PREFIX))
    for one in restrictions:
        macaroon.add_first_party_caveat(one if isinstance(one, str) else caveats.dumps(one))
    return PREFIX + str(macaroon.serialize())


def basic(token: str, user: str = "__token__") -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
