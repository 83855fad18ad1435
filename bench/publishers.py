"""What a token by OIDC costs us: the processor time of a request to /_/oidc/mint-token, with every check and event."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.rig import report
from bench.rig.own_database import own_database

TIMES, WARM, MOST = 200, 20, 30  # requests, of them unmeasured, milliseconds


def main() -> None:
    """Measure on a database of its own, in a process of its own."""
    with own_database() as environment:
        values = environment | {"SSL_CERT_FILE": f"{environment['VAR_DIR']}/authority.pem"}
        subprocess.run([sys.executable, "-m", "bench.publishers", environment["VAR_DIR"]], env=values, check=True)


def measure(folder: Path) -> None:
    """Measure on the database of the settings; the keys of the issuer were asked for before."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    times = sorted(_milliseconds(folder))
    rows = [
        report.bar("a token by OIDC, processor time: median", statistics.median(times), MOST, unit=" ms"),
        report.bar("nine of ten below", times[len(times) * 9 // 10], MOST, unit=" ms"),
    ]
    body = f"{len(times)} tokens for RS256 statements, each with its event, on PostgreSQL, with all middleware.\n\n"
    body += report.table(["what", "measured", "wanted", ""], rows)
    print(body)
    report.write("Trusted publishing", body)


def _milliseconds(folder: Path) -> list[float]:
    from django.test import Client, override_settings

    from recoverydesk.publishers import verbs
    from recoverydesk.publishers.shapes import Workflow
    from tests.helpers import factories
    from tests.helpers.issuers import local_issuer

    user = factories.make_user("ada")
    factories.add_app(user)
    project, client = factories.make_project("spam", user), Client(headers={"Host": "localhost"})
    with local_issuer(folder) as issuer, override_settings(PUBLISHER_ISSUERS=(issuer.issuer,), ACCOUNT_RATE_LIMITS={}):
        verbs.add(project, issuer.issuer, Workflow("ada/spam", "release.yml"), actor=user)
        times = []
        for token in [issuer.token() for _each in range(TIMES)]:
            began = time.process_time()
            answer = client.post("/_/oidc/mint-token", {"token": token}, content_type="application/json")
            times.append((time.process_time() - began) * 1000)
            assert answer.status_code == 200, answer.content
    return times[WARM:]


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
