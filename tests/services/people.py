"""The claimants and admins of a run: rows made here, everything else through the real pages."""

import base64
import os
import re
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import requests
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY

from accounts.devices import TotpDevice
from accounts.models import User
from accounts.sessions import SIGN_IN, SessionStore
from recoverydesk.demo import codehost
from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status
from tests.helpers import factories
from tests.services.postbox import Postbox
from tests.services.stack import Stack, eventually, name

CSRF = "c" * 32
PATIENT = 60  # seconds a person waits for a page
TOO_OFTEN = 429  # a process that ended while it counted leaves its lock for some seconds


@dataclass
class Visitor:
    """A browser: it keeps a session, tries again when a connection breaks, and counts what it saw."""

    stack: Stack
    session: str = ""
    second: "Visitor | None" = None  # the other person, where two decide
    device: TotpDevice | None = None  # the app of a member of staff

    def __post_init__(self) -> None:
        self.browser = requests.Session()
        self.browser.trust_env = False
        self.network = f"10.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}.7"
        self.cookies = {"csrf": CSRF} | ({"session": self.session} if self.session else {})

    def get(self, path: str) -> requests.Response:
        return self._ask("GET", path, {})

    def post(self, path: str, **fields: str) -> requests.Response:
        """One POST; raises requests.ConnectionError when the server ended meanwhile."""
        return self._ask("POST", path, {"csrfmiddlewaretoken": CSRF, **fields})

    def _ask(self, method: str, path: str, data: dict[str, str]) -> requests.Response:
        address = self.stack.url + path
        headers = {"X-Forwarded-For": self.network, "Connection": "close"}
        return self.browser.request(
            method, address, data=data, headers=headers, cookies=self.cookies, timeout=PATIENT, allow_redirects=False
        )

    def insist(self, path: str, **fields: str) -> requests.Response:
        """Submit again, as people do, until a page says what became of it."""

        def submit() -> requests.Response | None:
            try:
                answer = self.post(path, **fields)
            except requests.RequestException:
                return None
            return answer if answer.status_code < 500 and answer.status_code != TOO_OFTEN else None

        return eventually(submit, f"POST {path}", within=180, pause=0.5)


def make_claimant(stack: Stack) -> User:
    """An owner with an app, codes and one project whose repository is at the code host."""
    user = factories.make_user(name())
    factories.add_totp(user)
    factories.add_codes(user)
    place = f"{user.username}/tool"
    codehost.create_repository(stack.repositories, place)
    url = f"{os.environ['CODE_HOST']}/{place}"
    factories.make_project(f"{user.username}-tool", user, urls=[("Source", url)])
    return user


def make_admin(stack: Stack) -> Visitor:
    """An admin, signed in with a second factor."""
    sessions = []
    for _ in range(2 if settings.RECOVERY_TWO_PERSON == "always" else 1):
        user = factories.make_user(name(), staff=True, groups=["Admins"])
        User.objects.filter(pk=user.pk).update(staff_since=timezone.now() - timedelta(days=30))
        device = factories.add_totp(user)[0]
        sessions.append(Visitor(stack, sign_in(user, device), device=device))
    sessions[0].second = sessions[-1]
    return sessions[0]


def sign_in(user: User, device: TotpDevice) -> str:
    """The key of a session as a completed sign-in leaves it just now."""
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "accounts.backends.AuthenticationBackend"
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    shown: dict[str, object] = {"method": "second_factor", "at": time.time(), "device": device.persistent_id}
    shown["reauthenticated"] = True
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [shown]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session[SIGN_IN] = {"uid": str(uuid.uuid4()), "at": timezone.now().isoformat(), "network": "", "device": ""}
    session.create()
    return str(session.session_key)


def ask(stack: Stack, user: User) -> None:
    """The claimant fills in the public form until it says that the request was received."""
    Visitor(stack).insist("/recover/", username=user.username, claim="second_factor", codes="lost")


def prove(stack: Stack, box: Postbox, user: User, within: float = 180) -> None:
    """Read the mail, push the branch, say so."""
    text = eventually(lambda: box.find(user.email, "Show us"), f"the challenge of {user.username}", within)
    branch = re.search(r"^\s*(000-recovery-\S+)$", text, re.MULTILINE)
    assert branch
    push(codehost.folder_of(stack.repositories, f"{user.username}/tool"), branch[1])
    Visitor(stack).insist(_path(text, "/recover/status/"), pushed="1")


def push(repository: Path, branch: str) -> None:
    """What `git push` leaves at the host."""
    codehost.git(repository, "update-ref", f"refs/heads/{branch}", "refs/heads/main")


def _path(text: str, part: str) -> str:
    found = re.search(rf"http\S*{re.escape(part)}\S+", text)
    assert found
    return urlsplit(found[0]).path


def ticket_of(user: User) -> RecoveryTicket:
    """The newest ticket of an account; LookupError while there is none."""
    ticket = RecoveryTicket.objects.filter(subject=user).order_by("-pk").first()
    if ticket is None:
        raise LookupError(user.username)
    return ticket


def until(user: User, *statuses: str, within: float = 180) -> RecoveryTicket:
    """Wait for the ticket to reach one of these statuses."""

    def there() -> RecoveryTicket | None:
        ticket = ticket_of(user)
        assert ticket.status in (*OPEN_STATUSES, *statuses), f"{ticket}: {ticket.status}"
        return ticket if ticket.status in statuses else None

    return eventually(there, f"{'/'.join(statuses)} of {user.username}", within)


def click_reset(admin: Visitor, ticket: RecoveryTicket) -> requests.Response:
    """Click the reset button of the ticket page as it is now."""
    path = f"/admin/recovery/recoveryticket/{ticket.pk}/press/reset/"
    return _decide(admin, path, ticket, "looked at the evidence")


def approve(admin: Visitor, ticket: RecoveryTicket) -> requests.Response:
    """Give the second person's yes."""
    path = f"/admin/recovery/recoveryticket/{ticket.pk}/press/approve/"
    return _decide(admin, path, ticket, "looked at the evidence, too")


def _decide(admin: Visitor, path: str, ticket: RecoveryTicket, reason: str) -> requests.Response:
    """Where two people decide, the page asks to type the account's name; the second factor is shown for just this."""
    answer = admin.post(path, reason=reason, version=str(ticket.version), username=ticket.subject.username)
    where = answer.headers.get("Location", "")
    if admin.device is None or not where.startswith("/account/step-up/"):
        return answer
    TotpDevice.objects.filter(pk=admin.device.pk).update(last_step=-1)  # thirty seconds after its last code
    secret = base64.b32encode(admin.device.raw_secret()).decode()
    return admin.post(where, code=factories.code(secret))


def finish(stack: Stack, box: Postbox, user: User, admin: Visitor, within: float = 180) -> None:
    """The reset, again and again until the page shows it done, and the mail that follows.

    With RECOVERY_TWO_PERSON=always another admin approves first.
    """
    other = admin.second or admin

    def is_reset() -> bool:
        ticket = until(user, Status.READY, Status.COMPLETED, within=within)
        if ticket.status != Status.COMPLETED:
            try:
                if settings.RECOVERY_TWO_PERSON == "always" and not ticket.approvals.exists():
                    approve(other, ticket)
                    return False
                click_reset(admin, ticket)
            except requests.RequestException:
                return False
        return ticket_of(user).status == Status.COMPLETED

    eventually(is_reset, f"the reset of {user.username}", within, pause=0.5)
    eventually(lambda: box.find(user.email, "Choose"), f"the last mail of {user.username}", within)


def whole_story(stack: Stack, box: Postbox, user: User, admin: Visitor, within: float = 180) -> None:
    """From "I lost my phone" to the mail with the link to choose a password."""
    ask(stack, user)
    prove(stack, box, user, within)
    finish(stack, box, user, admin, within)
