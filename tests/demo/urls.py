"""The site's URLs with the demo's, which are otherwise there only while DEMO is on."""

from django.urls import include, path

from recoverydesk.urls import urlpatterns as site

urlpatterns = [*site, path("demo/", include("recoverydesk.demo.urls"))]
