"""A recovery puts what publishes in the account's name on hold, and its owner answers for each on one page."""

import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.devices import TotpDevice
from accounts.models import User
from recoverydesk.invariants import remains
from recoverydesk.projects.models import Project
from recoverydesk.publishers import verbs
from recoverydesk.publishers.issuers import Issuer
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers import decided, factories
from tests.helpers.issuers import LocalIssuer, Swap, refusal
from tests.helpers.meanwhile import at_once
from tests.helpers.signing_in import enter
from tests.helpers.tickets import REASON, add_boundary, as_staff, make_admin, make_ticket
from tokens import checking
from tokens.models import ApiToken

PAGE = "/account/tokens/held/"


@pytest.fixture
def ready(ada: User, spam: Project) -> RecoveryTicket:
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


@pytest.mark.django_db
def test_a_reset_holds_publishers_and_ends_their_tokens(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, ready: RecoveryTicket, client: Client
) -> None:
    other = verbs.add_for_new("fresh", issuer.issuer, Workflow("ada/fresh", "r.yml"), actor=publisher.added_by)
    token = swap(issuer.token()).json()["token"]
    decided.reset(ready.pk, actor=as_staff(make_admin()), reason=REASON)
    with pytest.raises(checking.TokenRefused, match="revoked"):
        checking.open_token(token)
    assert "on hold after a recovery" in refusal(swap(issuer.token()))[1]
    assert list(remains.publisher_older_than_reset()) == []
    ada = User.objects.get(pk=publisher.added_by_id)
    ada.set_password(factories.PASSWORD)
    ada.save(update_fields=["password"])
    TotpDevice.objects.filter(user=ada).delete()
    page = enter(client, ada).get(PAGE).content.decode()
    assert "ada/spam" in page
    assert "fresh" in page
    assert "trusted publishers are on hold" in page
    client.post(PAGE, {f"publisher-{publisher.pk}": "keep", f"publisher-{other.pk}": "remove"})
    assert list(Publisher.objects.values_list("pk", "held_at")) == [(publisher.pk, None)]
    assert swap(issuer.token()).status_code == 200
    assert list(remains.publisher_older_than_reset()) == []
    assert "No token and no trusted publisher is on hold." in client.get(PAGE).content.decode()


@pytest.mark.django_db
def test_nobody_answers_for_another_accounts_publishers(publisher: Publisher, client: Client) -> None:
    verbs.hold_all(publisher.added_by, actor="system")
    enter(client, factories.make_user("eve")).post(PAGE, {f"publisher-{publisher.pk}": "keep"})
    publisher.refresh_from_db()
    assert publisher.held_at is not None


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["add", "keep"])
def test_what_is_asked_for_during_a_reset_comes_after_it(
    spam: Project, ada: User, ready: RecoveryTicket, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """A thief's request is under way while the reset holds what is there: it acts for nobody afterwards."""
    kim = factories.make_user("kim")
    factories.add_role(spam, kim)
    hub = Issuer("github", "https://token.actions.githubusercontent.com")
    row = verbs.add(spam, hub, Workflow("kim/spam", "r.yml"), actor=kim)
    refused: list[BaseException] = []

    def meanwhile() -> None:
        try:
            if verb == "keep":
                verbs.keep(row, actor=ada)
            else:
                verbs.add(spam, hub, Workflow("eve/evil", "r.yml"), actor=ada)
        except verbs.PublisherError as error:
            refused.append(error)
        finally:
            connection.close()

    real, thread = verbs.hold_all, threading.Thread(target=meanwhile)

    def hold_all(*args: Any, **options: Any) -> int:
        count = real(*args, **options)
        thread.start()
        time.sleep(0.5)
        return count

    monkeypatch.setattr(verbs, "hold_all", hold_all)
    decided.reset(ready.pk, actor=as_staff(make_admin()), reason=REASON)
    thread.join(20)
    assert isinstance(refused[0], verbs.InQuarantine | verbs.NotOwner)
    assert not Publisher.objects.filter(added_by=ada).exists()
    assert list(remains.publisher_older_than_reset()) == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_statement_sent_eight_times_at_once_gives_one_token(publisher: Publisher, issuer: LocalIssuer) -> None:
    statement = issuer.token()

    def send(_number: int) -> int:
        sent = Client().post("/_/oidc/mint-token", {"token": statement}, content_type="application/json")
        return int(sent.status_code)

    Client().post("/_/oidc/mint-token", {"token": issuer.token()}, content_type="application/json")  # asks for the keys
    assert sorted(at_once(send)) == [200, *[422] * 7]
    assert ApiToken.objects.count() == 2
