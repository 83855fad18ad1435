"""Reloading a page repeats nothing: every form of the site, sent as a browser sends it, is answered by a redirect.

The walk opens every page of the URL list as everybody who may, and sends each form it finds there with each of its
buttons. Whatever answers otherwise (a form shown again with what is wrong) must not have changed anything. A new
form is walked by itself. (The fast tier opens some pages.)
"""

from urllib.parse import urljoin

import pytest

from accounts.models import User
from tests.helpers import factories
from tests.helpers.forms import forms_of
from tests.helpers.walk import NO_PAGES, Walk, pages
from tests.tiers import THOROUGH, spread

pytestmark = pytest.mark.django_db
# A preview changes nothing but what its own button then sends.
MUST_REDIRECT = {
    "/account/tokens/new/": "/account/tokens/new/made/",
    "/account/security/codes/": "/account/security/codes/new/",
    "/recover/": "/recover/received/",
}


def test_every_form_of_the_site_is_answered_by_a_redirect_or_changes_nothing(world: dict[str, dict[str, str]]) -> None:
    factories.make_user("member")  # whom `sample` needs
    factories.add_totp(User.objects.get(username="member"))
    addresses = spread(pages(), 8)
    redirected: dict[str, set[str]] = {}
    for cookies in world.values():
        walk = Walk(cookies)
        for page in addresses:
            for form in forms_of(walk.page(page)):
                if form.method == "post" and urljoin(page, form.action) not in NO_PAGES:
                    walk.send(page, form)
        assert "\n".join(walk.wrong) == ""
        for action, where in walk.redirected.items():
            redirected.setdefault(action, set()).update(where)
    if not THOROUGH:
        return
    assert len(redirected) > 35
    assert {action: where for action, where in MUST_REDIRECT.items() if where not in redirected[action]} == {}
