"""App configuration."""

from django.apps import AppConfig


class UploadConfig(AppConfig):
    name = "recoverydesk.upload"
