"""Every URL of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView

from audit.views import key
from recoverydesk import health
from recoverydesk.projects.views import project_history
from recoverydesk.recovery.public.account_views import held_tokens
from tokens.views.api import token

urlpatterns: list[URLPattern | URLResolver] = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("account/tokens/held/", held_tokens, name="recover_held_tokens"),
    path("account/tokens/", include("tokens.urls")),
    path("account/", include("accounts.urls")),
    path("api/token", token, name="api_token"),
    path("", include("recoverydesk.upload.urls")),
    path("recover/", include("recoverydesk.recovery.urls")),
    path("projects/<str:name>/history/", project_history, name="project_history"),
    path("audit/key/", key, name="audit_key"),
    path("admin/", admin.site.urls),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
handler429 = "accounts.too_often.handler429"  # allauth's own limits, which settings switch off
handler500 = "recoverydesk.database.trouble.server_error"
if settings.DEMO:
    urlpatterns.append(path("demo/", include("recoverydesk.demo.urls")))
