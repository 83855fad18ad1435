"""The admin site: staff enter only after their second factor. Superusers too."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.checks import CheckMessage, Error
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.second_factors import has_primary_factor
from accounts.visitor import account_of
from audit.desk_admin import DeskAdmin, refuse_lookups

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class DeskAdminSite(AdminSite):
    site_title = settings.SITE_NAME
    site_header = settings.SITE_NAME
    index_title = gettext_lazy("Desk")
    enable_nav_sidebar = False  # ours is flat, and has no script (templates/admin/_nav.html)

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff whose session has shown a second factor that still exists."""
        return super().has_permission(request) and getattr(request.user, "otp_device", None) is not None

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Django's pages without the end of a password change, which happens on the account page."""
        return [one for one in super().get_urls() if getattr(one, "name", "") != "password_change_done"]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Every page but the lists, which know their parameters themselves, refuses lookups."""
        of = getattr(view, "__self__", None)
        is_list = isinstance(of, DeskAdmin) and view.__name__ == DeskAdmin.changelist_view.__name__
        return super().admin_view(view if is_list else _without_lookups(view), cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """No form of its own: anonymous to sign in, others 403, staff to enrol or to show a second factor."""
        if not request.user.is_authenticated:
            return redirect_to_login(self._next(request), reverse("account_login"))
        user = account_of(request)
        if not user.is_staff:
            raise PermissionDenied
        if self.has_permission(request):
            return HttpResponseRedirect(self._next(request))
        if not has_primary_factor(user):
            messages.warning(request, _("Staff need a second factor. Add one to enter the desk."))
            return redirect("account_totp_start")
        return HttpResponseRedirect(
            f"{reverse('account_step_up')}?{urlencode({REDIRECT_FIELD_NAME: self._next(request)})}"
        )

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]  # noqa: ARG002
        """Sign out through the one door that writes it down."""
        if request.method == "POST":
            get_adapter().logout(request)
        return redirect("home")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None  # noqa: ARG002
    ) -> HttpResponse:  # fmt: skip
        """The account page asks for a second factor and tells the owner; Django's own would do neither."""
        return redirect("account_change_password")

    def _next(self, request: HttpRequest) -> str:
        asked = request.GET.get(REDIRECT_FIELD_NAME, "")
        inside = url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()})
        return asked if inside else reverse("admin:index", current_app=self.name)


def _without_lookups(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        refuse_lookups(request)
        return view(request, *args, **kwargs)

    return cast(View, guarded)


def check_gate(**_kwargs: Any) -> list[CheckMessage]:
    """System check: nothing may have put another, ungated site into the place of ours."""
    if isinstance(admin.site, DeskAdminSite):
        return []
    return [Error("django.contrib.admin.site is not recoverydesk.site.DeskAdminSite", id="recoverydesk.E001")]
