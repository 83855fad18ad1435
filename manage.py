#!/usr/bin/env python
"""Run a management command: `.venv/bin/python manage.py help` lists them."""

import sys

from recoverydesk.operating.front_door import manage

if __name__ == "__main__":
    manage(sys.argv)
