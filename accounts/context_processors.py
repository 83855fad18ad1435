"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts import hooks, requirement


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's name, whether people sign up, and the banners: a callable, so that a page that shows none asks
    no question."""

    def banners() -> list[hooks.Banner]:
        return [*hooks.banners(request), *requirement.banners(request)]

    return {"site_name": settings.SITE_NAME, "sign_up": settings.SIGN_UP == "open", "banners": banners}
