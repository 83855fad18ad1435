"""The accounts room alone: no room above it is there. Some pages go wrong on purpose."""

from allauth.core.ratelimit import respond_429
from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.csrf import csrf_failure
from django.views.generic import TemplateView


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def bad(request: HttpRequest) -> HttpResponse:
    raise BadRequest


urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("account/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("broken/", broken),
    path("forbidden/", forbidden),
    path("bad/", bad),
    path("limited/", respond_429),
    path("stale/", csrf_failure),
]
handler429 = "accounts.too_often.handler429"
