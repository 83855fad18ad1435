"""Uploads, the index, files."""

from django.urls import path

from recoverydesk.upload import index, json_api, serving, testers, views

urlpatterns = [
    path("legacy", views.to_legacy, name="legacy_without_slash"),
    path("legacy/", views.legacy, name="legacy"),
    path("simple/", index.root, name="simple"),
    path("simple/<str:name>/", index.project, name="simple_project"),
    path("simple/<str:name>/<str:filename>", serving.file, name="simple_file"),
    path("staged/<uuid:uid>/simple/", testers.root, name="staged"),
    path("staged/<uuid:uid>/simple/<str:name>/", testers.project, name="staged_project"),
    path("staged/<uuid:uid>/simple/<str:name>/<str:filename>", testers.file, name="staged_file"),
    path("api/staged/<uuid:uid>", testers.state, name="api_staged"),
    path("pypi/<str:name>/json", json_api.project, name="json_project"),
    path("pypi/<str:name>/<str:version>/json", json_api.release, name="json_release"),
]
