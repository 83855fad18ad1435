"""The README's gunicorn, with less patience for slow clients."""

from recoverydesk import web_server
from recoverydesk.web_server import *  # noqa: F403

web_server.SLOW = 1
