"""Making, confirming and revoking tokens, what is written down and who hears of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts_services
from accounts.mail.models import Mail
from accounts.mail.outbox import render
from accounts.models import User
from audit.models import Event
from common import keys
from tests.helpers import factories
from tests.helpers.tokens import PREFIX, mint
from tokens import caveats, services, sweeping
from tokens.checking import TokenRefused, open_token
from tokens.models import PURPOSE, ApiToken


def kinds() -> list[str]:
    return list(Mail.objects.order_by("id").values_list("kind", flat=True))


def test_a_minted_token_opens_and_its_row_holds_no_secret(holder: User) -> None:
    minted = mint(holder)
    assert minted.text.startswith(PREFIX)
    assert open_token(minted.text).row == minted.row
    row = ApiToken.objects.get()
    key = keys.decrypt(PURPOSE, row.sealed_key)
    assert (len(key), key in bytes(row.sealed_key)) == (32, False)
    assert row.location == site.HOST


def test_the_caveats_stand_in_the_order_clients_know(holder: User) -> None:
    project = factories.make_project("sample", holder)
    scope = caveats.Project("sample", project.uid)
    ends = caveats.Expiration
    kinds_of = [[type(caveats.loads(one)) for one in mint(holder, **how).row.caveats] for how in (
        {}, {"project": scope, "only_newer": True},
    )]  # fmt: skip
    assert kinds_of == [
        [caveats.RequestUser, ends],
        [caveats.ProjectName, caveats.ProjectID, ends, caveats.NewerVersions],
    ]


def test_making_a_token_is_an_event_that_names_it_and_a_mail(holder: User) -> None:
    row = mint(holder).row
    event = Event.objects.get(tag="account:api_token:added")
    assert (event.token_id, event.subject_uid, event.data["scope"]) == (row.id, holder.uid, "user")
    assert kinds() == ["security_notice"]


def _close(user: User) -> None:
    accounts_services.freeze(user, by=User.FrozenBy.OWNER, actor=user, reason="ten characters or more")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (_close, services.AccountClosed),
        (lambda user: user.emailaddress_set.update(verified=False), services.TokenNeedsVerifiedAddress),
        (lambda user: user.totpdevice_set.all().delete(), services.SecondFactorMissing),
    ],
)
def test_an_unfit_account_gets_no_token(holder: User, change: Any, refusal: type[Exception]) -> None:
    change(holder)
    with pytest.raises(refusal) as caught:
        mint(holder)
    assert str(caught.value)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("lifetime", [None, timedelta(0), timedelta(days=-1), timedelta(days=366)])
def test_a_lifetime_has_bounds(holder: User, lifetime: timedelta | None) -> None:
    with pytest.raises(services.LifetimeNotAllowed):
        mint(holder, lifetime=lifetime)


def test_a_token_without_an_end_is_a_matter_of_policy(holder: User, settings: Any) -> None:
    settings.TOKEN_WITHOUT_EXPIRY = True
    assert mint(holder, lifetime=None).row.expires_at is None


def test_there_are_only_so_many_tokens(holder: User) -> None:
    ApiToken.objects.bulk_create(ApiToken(user=holder, name="x") for _ in range(services.MOST_TOKENS))
    with pytest.raises(services.TooManyTokens):
        mint(holder)


def test_in_quarantine_co_owners_hear_of_a_new_token(holder: User) -> None:
    kim = factories.make_user("kim")
    project = factories.make_project("sample", holder)
    factories.add_role(project, kim)
    User.objects.filter(pk=holder.pk).update(quarantined_at=timezone.now())
    mint(holder)
    mail = Mail.objects.get(kind="token_in_quarantine")
    assert (mail.recipient, "made a new API token" in render(mail).text) == ("kim@example.org", True)


def test_revoking_ones_own_is_an_event_without_a_mail_and_happens_once(holder: User) -> None:
    minted = mint(holder)
    before = len(kinds())
    assert services.revoke([minted.row], actor=holder) == [minted.row]
    assert services.revoke([minted.row], actor=holder) == []
    assert Event.objects.filter(tag="account:api_token:removed", token_id=minted.row.id).count() == 1
    assert len(kinds()) == before
    with pytest.raises(TokenRefused, match="revoked"):
        open_token(minted.text)


def test_whoever_loses_a_token_to_others_is_told(holder: User) -> None:
    row = mint(holder).row
    services.revoke([row], actor="system", reason="found in a public place")
    text = render(Mail.objects.get(kind="token_revoked")).text
    assert "- test" in text
    mint(holder)
    services.hold_all(holder, actor="system", reason="second factors were reset")
    assert "- test" in render(Mail.objects.get(kind="token_held")).text


def test_the_mail_of_a_ticket_is_enough(holder: User) -> None:
    mint(holder)
    services.hold_all(holder, actor="system", reason="second factors were reset", ticket=7)
    assert "token_held" not in kinds()


def test_a_held_token_works_again_once_its_owner_says_so(holder: User) -> None:
    minted = mint(holder)
    services.hold_all(holder, actor="system", reason="second factors were reset")
    with pytest.raises(TokenRefused, match="on hold"):
        open_token(minted.text)
    services.confirm(minted.row, actor=holder)
    assert open_token(minted.text)
    assert Event.objects.get(tag="account:api_token:confirmed").token_id == minted.row.id
    with pytest.raises(services.NotHeld):
        services.confirm(minted.row, actor=holder)


def test_nobody_confirms_the_token_of_another(holder: User) -> None:
    row = mint(holder).row
    services.hold_all(holder, actor="system", reason="second factors were reset")
    with pytest.raises(services.NotHeld):
        services.confirm(row, actor=factories.make_user("kim"))


# The sweep ---------------------------------------------------------------------------------------------------------


def days_left(row: ApiToken, days: float) -> None:
    now = timezone.now()
    ApiToken.objects.filter(pk=row.pk).update(
        created_at=now - timedelta(days=60), expires_at=now + timedelta(days=days)
    )


def test_an_end_is_announced_a_week_and_a_day_before_once_each(holder: User) -> None:
    row = mint(holder).row
    for days, sweeps in ((8, 0), (6.9, 1), (3, 0), (0.9, 1), (0.5, 0)):
        days_left(row, days)
        assert sweeping.sweep() == sweeps
        assert sweeping.sweep() == 0
    mails = Mail.objects.filter(kind="token_expires").order_by("id")
    assert [mail.context["days"] for mail in mails] == [7, 1]
    assert "ends within 7 days" in render(mails[0]).text


def test_the_last_day_alone_is_announced_where_the_week_was_missed(holder: User) -> None:
    days_left(mint(holder).row, 0.9)
    assert (sweeping.sweep(), sweeping.sweep()) == (1, 0)


def test_a_short_token_is_not_announced_the_moment_it_is_made(holder: User) -> None:
    mint(holder, lifetime=timedelta(days=5))
    assert sweeping.sweep() == 0


def test_what_opens_nothing_is_not_announced(holder: User) -> None:
    row = mint(holder).row
    days_left(row, 0.9)
    services.revoke([row], actor=holder)
    assert sweeping.sweep() == 0


def test_a_held_token_nobody_confirms_is_revoked_after_seven_days(holder: User) -> None:
    row = mint(holder).row
    services.hold_all(holder, actor="system", reason="second factors were reset")
    ApiToken.objects.update(held_at=timezone.now() - timedelta(days=6, hours=23))
    assert sweeping.sweep() == 0
    ApiToken.objects.update(held_at=timezone.now() - timedelta(days=7, minutes=1))
    assert sweeping.sweep() == 1
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert "token_revoked" in kinds()


def test_revoking_many_tokens_asks_for_no_user_again(holder: User) -> None:
    """Each token costs its own UPDATE and its event, and nothing else."""
    counts = []
    for number in (1, 11):
        rows = [ApiToken.objects.create(user=holder, name=f"{number}-{each}") for each in range(number)]
        with CaptureQueriesContext(connection) as queries:
            services.revoke(rows, actor=holder)
        counts.append(len(queries))
    assert counts[1] - counts[0] == 10 * 2
