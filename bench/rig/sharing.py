"""Fill a database for bench/sharing.py: `python -m bench.rig.sharing challenges|looks TICKETS PORT…`."""

import sys
from datetime import timedelta

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from django.db.models.functions import Now  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from recoverydesk.recovery.code_hosts import described  # noqa: E402
from recoverydesk.recovery.models import Boundary, Status  # noqa: E402
from tests.helpers import factories  # noqa: E402
from tests.helpers.tickets import add_boundary, make_ticket  # noqa: E402


def subject(number: int) -> User:
    """An account with an authenticator app and a verified address."""
    user = User.objects.create(username=f"user{number}", email=f"user{number}@example.org")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    factories.add_totp(user)
    return user


def challenges(tickets: int) -> None:
    """New tickets, which the desk challenges by itself."""
    for number in range(tickets):
        make_ticket(subject(number), Status.NEW, challenges_itself=True)


def looks(tickets: int, ports: list[int]) -> None:
    """Challenged tickets, each with a look due at one of the hosts."""
    for port in ports:
        described.describe_host(f"http://127.0.0.1:{port}", private=True, plain_http=True)
    clock = timezone.now() + timedelta(days=1)  # it runs already: nothing but the looks is due
    for number in range(tickets):
        host = f"127.0.0.1:{ports[number % len(ports)]}"
        boundary = add_boundary(make_ticket(subject(number), wait_until=clock), f"owner{number}", host=host)
        boundary.repositories[0]["url"] = f"http://{host}/owner{number}/tool"
        boundary.save()
    Boundary.objects.update(next_probe_at=Now())


if __name__ == "__main__":
    if sys.argv[1] == "challenges":
        challenges(int(sys.argv[2]))
    else:
        looks(int(sys.argv[2]), [int(port) for port in sys.argv[3:]])
