"""Every URL of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView

from audit.views import key
from recoverydesk import health, well_known
from recoverydesk.operating.metrics import page
from recoverydesk.projects.views import project_history, search
from recoverydesk.publishers import api, pages
from recoverydesk.recovery.public.account_views import held_tokens
from recoverydesk.recovery.public.my_projects import my_projects
from recoverydesk.recovery.public.project_guards import project_guards
from recoverydesk.recovery.public.project_page import project
from recoverydesk.recovery.public.project_settings import project_settings
from recoverydesk.recovery.public.release_page import release_page
from recoverydesk.recovery.public.staged_page import staged
from tokens.views.api import token
from tokens.views.leak_reports import leak_reports

urlpatterns: list[URLPattern | URLResolver] = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("account/staged/", staged, name="account_staged"),
    path("account/projects/", my_projects, name="account_projects"),
    path("account/publishers/", pages.waiting, name="account_publishers"),
    path("account/tokens/held/", held_tokens, name="recover_held_tokens"),
    path("account/tokens/", include("tokens.urls")),
    path("account/", include("accounts.urls")),
    path("api/token", token, name="api_token"),
    path("hooks/secret-scanning/", leak_reports, name="leak_reports"),
    path("_/oidc/audience", api.audience, name="oidc_audience"),
    path("_/oidc/mint-token", api.mint_token, name="oidc_mint"),
    path("_/oidc/burn-token", api.burn_token, name="oidc_burn"),
    path("", include("recoverydesk.upload.urls")),
    path("recover/", include("recoverydesk.recovery.urls")),
    path("search/", search, name="search"),
    path("projects/<str:name>/", project, name="project"),
    path("projects/<str:name>/settings/", project_settings, name="project_settings"),
    path("projects/<str:name>/settings/guards/", project_guards, name="project_guards"),
    path("projects/<str:name>/publishers/", pages.of_project, name="project_publishers"),
    path("projects/<str:name>/history/", project_history, name="project_history"),
    path("projects/<str:name>/releases/<path:version>/", release_page, name="release"),
    path("audit/key/", key, name="audit_key"),
    path("admin/", admin.site.urls),
    path(".well-known/change-password", well_known.change_password, name="well_known_change_password"),
    path(".well-known/security.txt", well_known.security_txt, name="security_txt"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", page.metrics, name="metrics"),
]
handler429 = "accounts.too_often.handler429"  # allauth's own limits, which settings switch off
handler500 = "recoverydesk.database.trouble.server_error"
if settings.DEMO:
    urlpatterns.append(path("demo/", include("recoverydesk.demo.urls")))
