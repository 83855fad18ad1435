"""The WSGI application gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from recoverydesk import log_ids

log_ids.this_is("web")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")
application = get_wsgi_application()

from recoverydesk.database.keys_match import at_start  # noqa: E402 - models can be imported from here on

at_start()
