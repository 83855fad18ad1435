"""How long the public form takes for accounts in every state, interleaved: nobody may be told apart by the clock."""

import os
from statistics import median
from time import perf_counter

PAIRS = 500
STATES = ("missing", "active", "frozen", "no-factor", "staff", "open-ticket", "unverified")


def main() -> None:
    """Print the median of each state and how far it is from that of a name nobody has."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        _report(_measure())
    finally:
        teardown_databases(databases, verbosity=0)


def _people() -> None:
    from django.db.models.functions import Now

    from accounts.models import User
    from tests.helpers import factories
    from tests.helpers.tickets import make_ticket

    for state in STATES[1:]:
        user = factories.make_user(state, verified=state != "unverified", staff=state == "staff")
        if state not in ("no-factor", "unverified"):
            factories.add_totp(user)
    User.objects.filter(username="frozen").update(frozen_at=Now(), frozen_by="staff")
    make_ticket(User.objects.get(username="open-ticket"))


def _measure() -> dict[str, list[float]]:
    """Milliseconds of each POST, in rounds that begin with another state each time, so that load hits all alike."""
    from django.core.cache import cache
    from django.test import Client

    from accounts.mail.models import Request

    _people()
    times: dict[str, list[float]] = {state: [] for state in STATES}
    client = Client()
    for pair in range(PAIRS):
        first = pair % len(STATES)
        for state in STATES[first:] + STATES[:first]:
            cache.clear()
            Request.objects.all().delete()
            asked = {"username": state, "claim": "second_factor", "codes": "lost"}
            started = perf_counter()
            client.post("/recover/", asked)
            times[state].append((perf_counter() - started) * 1000)
    return times


def _report(times: dict[str, list[float]]) -> None:
    base = median(times["missing"])
    for state, spent in times.items():
        print(f"{state:12} median {median(spent):6.2f} ms  {median(spent) - base:+.2f} ms")
