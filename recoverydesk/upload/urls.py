"""Uploads, the index, files."""

from django.urls import path

from recoverydesk.upload import index, serving, views

urlpatterns = [
    path("legacy", views.to_legacy, name="legacy_without_slash"),
    path("legacy/", views.legacy, name="legacy"),
    path("simple/", index.root, name="simple"),
    path("simple/<str:name>/", index.project, name="simple_project"),
    path("simple/<str:name>/<str:filename>", serving.file, name="simple_file"),
]
