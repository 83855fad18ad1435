"""What an attacker can do: the public pages, a browser, mailboxes they hold, repositories they can push to."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.db.models import DateTimeField, F, Model
from django.test import Client

from accounts.mail.models import Link, Mail
from accounts.models import RecoveryCodeDevice, TotpDevice, User
from recoverydesk.projects.models import Role
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Boundary, BoundaryException, OtherProof, RecoveryTicket
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import decided
from tests.helpers.tickets import as_staff, make_admin, result_of

SITE = "http://localhost:8000"


def account(user: User) -> dict[str, Any]:
    """All of an account that an attacker wants changed."""
    row = User.objects.get(pk=user.pk)
    return {
        "password": row.password,
        "staff": (row.is_staff, row.is_superuser),
        "quarantine": row.quarantined_at,
        "apps": list(TotpDevice.objects.filter(user=user).values_list("pk", "confirmed")),
        "codes": RecoveryCodeDevice.objects.filter(user=user).count(),
        "addresses": sorted(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")),
        "tokens": list(user.api_tokens.values_list("pk", "held_at", "revoked_at")),
        "roles": list(Role.objects.filter(user=user).values_list("project", "kind", "held_at")),
    }


def ask(username: str = "ada", claim: str = "second_factor", contact: str = "") -> Client:
    """Anybody's request on the public form, and two rounds of the desk's work."""
    client = Client()
    cache.clear()
    client.post("/recover/", {"username": username, "claim": claim, "codes": "lost", "contact": contact})
    sweep.sweep()
    sweep.sweep()
    return client


def ticket() -> RecoveryTicket:
    return RecoveryTicket.objects.select_related("subject").latest("id")


def letters(address: str) -> list[str]:
    """Every mail that reached this mailbox, oldest first."""
    return [str(one.body) for one in mail.outbox if address in one.to]


def mailed(address: str, part: str) -> str:
    """The newest link with this part in its path that was mailed to this mailbox; "" when none ever was."""
    found = re.findall(rf"{SITE}(/recover/{part}/\S+)", "\n".join(letters(address)))
    return found[-1] if found else ""


def confirm(address: str = "ada@example.org") -> str:
    """Click the button behind the newest status link of this mailbox; returns the return code shown."""
    page = Client().post(mailed(address, "status"), {"pushed": "1"}, follow=True)
    sweep.sweep()
    sweep.sweep()
    return str((page.context or {}).get("return_code", ""))


def push(namespaces: Iterable[str] | None = None) -> None:
    """The claimant pushes the branch to these owners' repositories (to all of them), and the desk has looked."""
    current = ticket()
    for row in current.boundaries.filter(kind=Boundary.Kind.ASKED, proved_at=None):
        if namespaces is None or row.namespace in namespaces:
            looked = [result_of(row, Verdict.FOUND, repository=row.repositories[0]["repository"])]
            workflow.record_probe(current.pk, row.pk, lease=row.lease, results=looked)


def days_pass(days: float) -> None:
    """Every time in the ticket office moves back, so that so many days have passed; then the desk does its rounds."""
    for model in (RecoveryTicket, Mail, Link, OtherProof, BoundaryException):
        _back(model, timedelta(days=days))
    _back(User, timedelta(days=days), only=("quarantined_at", "quarantine_until"))
    for _round in range(2):
        sweep.sweep()


def _back(model: type[Model], span: timedelta, only: tuple[str, ...] = ()) -> None:
    fields = [field.name for field in model._meta.get_fields() if isinstance(field, DateTimeField)]
    wanted = [name for name in fields if not only or name in only]
    model._default_manager.update(**{name: F(name) - span for name in wanted})


def offer(kind: str, secret: str = "", address: str = "ada@example.org", client: Client | None = None) -> None:
    """The claimant offers something bound to the account on the status page."""
    given = {"proof": "1", "kind": kind, "secret": secret}
    (client or Client()).post(mailed(address, "status"), given)


def admins_reset(*names: str) -> workflow.Outcome | None:
    """Admins do what their page lets them: approve, then another one resets; None when nobody may."""
    wanted = names or ("grace", "rosa")
    people = [as_staff(User.objects.filter(username=name).first() or make_admin(name)) for name in wanted]
    current = ticket()
    with suppress(errors.ApprovalNotNeeded, errors.InvalidTransition):
        decided.approve(current.pk, actor=people[0], reason="looked at the evidence")
    try:
        return decided.reset(current.pk, actor=people[-1], reason="looked at the evidence")
    except errors.RecoveryError:
        return None
