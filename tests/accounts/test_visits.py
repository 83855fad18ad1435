"""Sessions: how long they last, what is known of them, how they end; browsers known and new."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import chores, networks, visits
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import Browser, Session, User
from accounts.sessions import SIGN_IN, digest
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import make_user
from tests.helpers.signing_in import LOGIN, code_of, type_code, type_password

SECURITY = "/account/security/"
PAGE = "/account/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in_for(client: Client, ago: timedelta) -> None:
    """The session's sign-in moves into the past."""
    session = client.session
    session[SIGN_IN] = {**session[SIGN_IN], "at": (timezone.now() - ago).isoformat()}
    session.save()


def idle_for(client: Client, ago: timedelta) -> None:
    Session.objects.filter(session_key=digest(client.session.session_key or "")).update(last_seen=timezone.now() - ago)


def staff(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True)


def is_let_in(client: Client) -> bool:
    return client.get(SECURITY).status_code == 200


def test_a_members_session_lasts_twelve_hours_however_busy(signed_in: Client) -> None:
    signed_in_for(signed_in, timedelta(hours=11, minutes=59))
    assert is_let_in(signed_in)
    signed_in_for(signed_in, timedelta(hours=12))
    assert signed_in.get(SECURITY)["Location"].startswith(LOGIN)
    assert Event.objects.get(tag=Tag.ACCOUNT_SESSION_END).data == {"why": "time"}


def test_a_staff_session_lasts_eight_hours(signed_in: Client, ada: User) -> None:
    staff(ada)
    signed_in_for(signed_in, timedelta(hours=7, minutes=59))
    assert is_let_in(signed_in)
    signed_in_for(signed_in, timedelta(hours=8))
    assert not is_let_in(signed_in)


def test_staff_are_signed_out_after_fifteen_idle_minutes_and_members_are_not(signed_in: Client, ada: User) -> None:
    idle_for(signed_in, timedelta(minutes=15))
    assert is_let_in(signed_in)
    staff(ada)
    idle_for(signed_in, timedelta(minutes=14, seconds=59))
    assert is_let_in(signed_in)
    idle_for(signed_in, timedelta(minutes=15))
    assert not is_let_in(signed_in)


def test_a_session_of_a_clock_that_was_ahead_does_not_outlive_its_hours(signed_in: Client, ada: User) -> None:
    signed_in_for(signed_in, -timedelta(minutes=4))  # another machine's clock
    assert is_let_in(signed_in)
    staff(ada)
    idle_for(signed_in, -timedelta(days=8))
    assert not is_let_in(signed_in)


def test_a_sign_in_of_the_future_is_over(signed_in: Client) -> None:
    signed_in_for(signed_in, -timedelta(days=8))
    assert not is_let_in(signed_in)


def test_a_visit_is_written_down_once_a_minute_and_not_per_request(signed_in: Client) -> None:
    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            signed_in.get(PAGE)
        return sum(one["sql"].startswith(("UPDATE", "INSERT", "DELETE")) for one in queries)

    signed_in.get(PAGE)  # which says, once, that the sign-in worked
    assert writes() == 0
    idle_for(signed_in, timedelta(minutes=2))
    assert writes() == 1
    assert writes() == 0
    assert timezone.now() - Session.objects.get().last_seen < timedelta(seconds=30)  # type: ignore[operator]


def test_stepping_up_keeps_when_and_where_the_session_began(signed_in: Client, app: TotpDevice) -> None:
    before = Session.objects.get()
    app.last_step = -1
    app.save()
    signed_in.post("/account/step-up/", {"code": code_of(app)})
    after = Session.objects.get()
    assert after.session_key != before.session_key
    assert (after.uid, after.signed_in_at) == (before.uid, before.signed_in_at)


def test_the_page_shows_browsers_networks_and_which_one_this_is(signed_in: Client, ada: User, app: TotpDevice) -> None:
    app.last_step = -1
    app.save()
    other = Client(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="203.0.113.7")
    type_password(other)
    type_code(other, code_of(app))
    page = other.get(PAGE).content.decode()
    assert "Firefox, Linux" in page
    assert "203.0.113.7, the network you use now" in page
    assert "127.0.0.1, this computer" in page
    assert page.count("this browser") == 1
    assert page.count("End this session") == 1
    assert str(other.session.session_key) not in page


def test_ending_one_session_ends_that_one(signed_in: Client, ada: User, app: TotpDevice) -> None:
    app.last_step = -1
    app.save()
    other = Client()
    type_password(other)
    type_code(other, code_of(app))
    theirs = Session.objects.get(session_key=digest(other.session.session_key or ""))
    assert signed_in.get(f"{PAGE}{theirs.uid}/end/").status_code == 405
    assert signed_in.post(f"{PAGE}{theirs.uid}/end/")["Location"] == PAGE
    assert not is_let_in(other)
    assert is_let_in(signed_in)
    assert Event.objects.get(tag=Tag.ACCOUNT_SESSION_END).data == {"sessions": 1}


def test_another_accounts_session_is_not_there(signed_in: Client) -> None:
    make_user("kim")
    kim = Client()
    type_password(kim, "kim")
    theirs = Session.objects.get(session_key=digest(kim.session.session_key or ""))
    assert signed_in.post(f"{PAGE}{theirs.uid}/end/").status_code == 404
    assert is_let_in(kim)


def test_ending_all_others_keeps_this_one_and_forgets_the_browsers(signed_in: Client, ada: User) -> None:
    for _ in range(3):
        Session.objects.create(session_key=f"s{_}", expire_date=timezone.now() + timedelta(hours=1), user=ada)
    signed_in.post(f"{PAGE}end/")
    assert Session.objects.filter(user=ada).count() == 1
    assert is_let_in(signed_in)
    assert not Browser.objects.exists()


def test_only_live_sessions_of_the_account_are_listed(ada: User) -> None:
    for name, age in (("old", -1), ("live", 1)):
        Session.objects.create(session_key=name, expire_date=timezone.now() + timedelta(hours=age), user=ada)
    assert [row.session_key for row in visits.visits_of_user(ada)] == ["live"]


# Browsers -------------------------------------------------------------------------------------------------------------


def notices() -> int:
    return Mail.objects.filter(kind="account_new_browser").count()


def test_a_new_browser_is_told_to_every_verified_address_and_a_known_one_is_not(client: Client, ada: User) -> None:
    ada.emailaddress_set.create(email="second@example.org", verified=True)
    type_password(client)
    assert notices() == 0  # the very first sign-in of the account
    client.post("/account/logout/")
    type_password(client)
    assert notices() == 0
    type_password(Client(HTTP_USER_AGENT=FIREFOX))
    assert notices() == 2
    text = str(Mail.objects.filter(kind="account_new_browser").values_list("context", flat=True)[0])
    assert "Firefox, Linux" in text


def test_the_browsers_cookie_is_stored_by_digest_and_is_http_only(client: Client, ada: User, settings: Any) -> None:
    type_password(client)
    cookie = client.cookies[settings.BROWSER_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie.value not in Browser.objects.get().digest


def test_a_cookie_is_known_only_to_the_account_that_signed_in_with_it(client: Client, ada: User) -> None:
    kim = make_user("kim")
    User.objects.update(last_login=timezone.now())
    type_password(client)
    client.post("/account/logout/")
    type_password(client, "kim")
    assert Mail.objects.filter(kind="account_new_browser", user=kim).count() == 1


def test_browsers_are_forgotten_after_a_year(client: Client, ada: User) -> None:
    type_password(client)
    Browser.objects.update(last_seen=timezone.now() - timedelta(days=364))
    chores.purge()
    assert Browser.objects.count() == 1
    Browser.objects.update(last_seen=timezone.now() - timedelta(days=366))
    chores.purge()
    assert not Browser.objects.exists()


@pytest.mark.parametrize(
    ("address", "here", "words"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.7, the network you use now"),
        ("8.8.8.8", "", "8.8.8.8"),
        ("192.168.1.5", "", "192.168.1.5, a private network"),
        ("::1", "", "::1, this computer"),
        ("", "", ""),
        ("nonsense", "", "nonsense"),
    ],
)
def test_a_network_in_words(address: str, here: str, words: str) -> None:
    assert networks.describe(address, here) == words
