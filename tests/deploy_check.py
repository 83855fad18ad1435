"""`python -m tests.deploy_check`: Django's production check on a complete production environment, for `make lint`."""

import os
import subprocess
import sys
import tempfile

from tests.helpers.files import ROOT
from tests.helpers.production import PRODUCTION

COMMAND = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]


def main() -> int:
    """Return the exit code of the check."""
    with tempfile.TemporaryDirectory(prefix="recoverydesk-check-") as var:
        variables = {"PATH": os.environ["PATH"], "VAR_DIR": var, **PRODUCTION}
        return subprocess.run(COMMAND, cwd=ROOT, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
