"""The people of the sample registry, each with the factors their story needs."""

import hashlib
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils import timezone
from rich.progress import track

from accounts import second_factors
from accounts.models import User
from audit.log import record
from audit.tags import Tag
from recoverydesk.demo.logins import LOGINS, PASSWORD

STAFF = {"mira": "Moderators", "jon": "Moderators", "rosa": "Admins", "otto": "Admins", "rene": "Moderators"}
IN_TICKETS = (
    "bo", "cleo", "dai", "eva", "finn", "gus", "hana", "ivo",
    "kofi", "lior", "maya", "nils", "olga", "pia", "quin", "rene", "tara",
)  # fmt: skip
WITHOUT_FACTORS = ("cleo", "maya")
UNVERIFIED = ("maya", "tara")


def make_people() -> dict[str, User]:
    """Make everybody and return them by name."""
    names = [login.username for login in LOGINS] + list(IN_TICKETS)
    return {name: _make(name) for name in track(names, "People    ")}


def _make(name: str) -> User:
    user = User(username=name, email=f"{name}@example.org", is_staff=name in STAFF)
    joined = timezone.now() - timedelta(days=400 + _days(name))
    user.date_joined, user.staff_since = joined, joined if user.is_staff else None
    user.set_password(PASSWORD)
    user.save()
    address = EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    record(Tag.ACCOUNT_CREATE, actor=user, subject=user)
    if name in STAFF:
        user.groups.add(Group.objects.get(name=STAFF[name]))
    if name not in WITHOUT_FACTORS:
        _give_factors(user)
    if name in UNVERIFIED:
        address.verified = False
        address.save()
    return user


def _give_factors(user: User) -> None:
    """An app enrolled long ago, without the notices a real enrolment mails."""
    device = second_factors.start_totp(user, "phone")
    enrolled = user.date_joined + timedelta(days=3)
    type(device).objects.filter(pk=device.pk).update(confirmed=True, created_at=enrolled)


def _days(name: str) -> int:
    """A number below 300 that is always the same for a name."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) % 300
