"""The project's settings with a fast hasher; everything else is as it runs."""

import os
from datetime import timedelta

from recoverydesk.settings import *  # noqa: F403
from recoverydesk.settings import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"]["TEST"] = {"NAME": f"test_recoverydesk_{os.environ['PYTEST_DB']}"}
    DATABASES["default"]["CONN_MAX_AGE"] = 0
else:
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"  # no test lets the power fail
READYZ_KEEPS = timedelta(0)
WHITENOISE_AUTOREFRESH = True  # a file is looked for when asked: not all of them for every test's client
