"""The main job without a browser: from "I lost my phone" to signed in again, with real pushes in between."""

from pathlib import Path

import pytest
from django.test import Client

from accounts import second_factors
from accounts.models import User
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from tests.helpers import decided, factories
from tests.helpers.hosts import Host
from tests.helpers.links import branch_in, let_time_pass, link_in, mails_to
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_owner_gets_back_in_with_two_boundaries(subject: User, host: Host, tmp_path: Path, client: Client) -> None:
    urls = [host.create("ada/tool"), host.create("ada-org/library")]
    for number, url in enumerate(urls):
        factories.make_project(f"project-{number}", subject, urls=[("Source", url)])
    token = ApiToken.objects.create(user=subject, name="ci")
    admin = factories.make_user("grace", staff=True, groups=["Admins"])

    client.post("/recover/", {"username": "Ada", "claim": "second_factor", "codes": "lost"})
    sweep.sweep()
    ticket = RecoveryTicket.objects.get()
    assert ticket.status == Status.CHALLENGED
    sweep.sweep()
    challenge = mails_to("ada@example.org", "Show us")[0]
    for url in urls:
        host.push(url, branch_in(challenge), tmp_path)
    page = client.post(link_in(challenge, "/recover/status/"), {"pushed": "1"}, follow=True)
    code = page.context["return_code"]
    assert code in page.content.decode()
    ticket.boundaries.update(next_probe_at=ticket.opened_at)
    sweep.sweep()
    ticket.refresh_from_db()
    assert [row.proved_at is not None for row in ticket.boundaries.all()] == [True, True]
    assert ticket.status == Status.WAITING
    let_time_pass(ticket)
    outcome = decided.reset(ticket.pk, actor=staff(admin), reason="two boundaries proved, waited")
    assert outcome.removed is not None
    assert (outcome.removed.totp, outcome.removed.codes, outcome.tokens_held) == (1, 8, 1)

    sweep.sweep()
    ended = client.get(link_in(challenge, "/recover/status/")).content.decode()
    assert ("<form" in ended, branch_in(challenge) in ended, "Done" in ended) == (False, False, True)
    choose = link_in(mails_to("ada@example.org", "Choose")[0], "/recover/password/")
    chosen = {"code": code, "password": "another long phrase", "again": "another long phrase"}
    assert client.post(choose, chosen).status_code == 302
    assert client.get(choose).status_code == 404
    token.refresh_from_db()
    subject.refresh_from_db()
    assert token.held_at is not None
    assert subject.check_password("another long phrase")
    assert not second_factors.has_primary_factor(subject)
