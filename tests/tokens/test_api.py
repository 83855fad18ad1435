"""GET /api/token: what a token tells about itself."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.devices import TotpDevice
from accounts.models import User
from audit.models import Event
from tests.helpers import factories
from tests.helpers.tokens import PREFIX, attenuate, basic, mint
from tokens import caveats, services
from tokens.models import ApiToken


def ask(client: Client, text: str, **query: str) -> Any:
    return client.get("/api/token", query, headers={"Authorization": basic(text)})


def test_a_token_tells_its_scope_caveats_and_end(client: Client, holder: User) -> None:
    minted = mint(holder)
    data = ask(client, attenuate(minted.text, caveats.ProjectName(("sample",)))).json()
    ends = int(minted.row.expires_at.timestamp())  # type: ignore[union-attr]
    assert data["caveats"] == [[3, str(holder.uid)], [0, ends, ends - 30 * 86400], [1, ["sample"]]]
    assert (data["name"], data["user"], data["scope"], data["last_used_at"]) == ("test", "ada", "user", None)
    assert data["expires_at"] == minted.row.expires_at.isoformat()  # type: ignore[union-attr]


def test_looking_changes_nothing(client: Client, holder: User) -> None:
    text = mint(holder).text
    before = Event.objects.count()
    ask(client, text, project="sample", action="upload")
    assert (Event.objects.count(), ApiToken.objects.get().last_used_at) == (before, None)


def test_whether_an_upload_would_be_accepted(client: Client, holder: User) -> None:
    project = factories.make_project("sample", holder)
    factories.make_project("foreign", factories.make_user("kim"))
    scoped = mint(holder, project=caveats.Project("sample", project.uid), only_newer=True).text
    wide = mint(holder).text

    def answer(text: str, **query: str) -> tuple[bool, str]:
        data = ask(client, text, action="upload", **query).json()
        return data["accepted"], data["reason"]

    assert answer(wide, project="Sample") == (True, "")
    assert answer(wide, project="brand-new") == (True, "")
    assert answer(wide, project="foreign") == (False, "The user 'ada' isn't allowed to upload to project 'foreign'.")
    assert answer(wide, project="sample", version="x y") == (False, "version: 'x y' is no version")
    assert answer(scoped, project="sample", version="2.0") == (True, "")
    assert answer(scoped, project="sample", version="0.9")[1].endswith("0.9 is not above 1.0")
    assert answer(scoped, project="sample")[1].endswith("say which version")
    assert answer(scoped, project="other")[0] is False
    assert answer(attenuate(wide, caveats.ProjectName(("other",))), project="sample")[0] is False


@pytest.mark.parametrize(
    "query",
    [{"action": "delete", "project": "sample"}, {"action": "upload"}, {"project": "sample"},
     {"action": "upload", "project": "x" * 201}],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_a_problem(client: Client, holder: User, query: dict[str, str]) -> None:
    response = ask(client, mint(holder).text, **query)
    assert (response.status_code, response.headers["Content-Type"]) == (400, "application/problem+json")
    assert set(response.json()) == {"type", "title", "status", "detail"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "status"),
    [("", 401), ("Basic x", 403), (basic("secret", "ada"), 403), ("Bearer recoverydesk-x", 403), ("token", 403)],
)
def test_without_a_token_there_is_a_problem(client: Client, header: str, status: int) -> None:
    response = client.get("/api/token", headers={"Authorization": header} if header else {})
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


def test_a_token_that_opens_nothing_says_why(client: Client, holder: User) -> None:
    minted = mint(holder)
    past = int((timezone.now() - timedelta(hours=1)).timestamp())
    for text, why in (
        (attenuate(minted.text, caveats.Expiration(past, 0)), "token is expired"),
        (attenuate(minted.text, "[4]"), "caveat has unknown tag"),
        (attenuate(minted.text, caveats.RequestUser("somebody")), "current user does not match"),
        (PREFIX + "AAAA", "malformed macaroon"),
    ):
        response = ask(client, text)
        assert (response.status_code, why in response.json()["detail"]) == (403, True)
    services.revoke([minted.row], actor=holder)
    assert ask(client, minted.text).json()["detail"] == "Invalid API Token: token was revoked"


def test_only_looking_is_answered(client: Client, holder: User) -> None:
    response = client.post("/api/token", headers={"Authorization": basic(mint(holder).text)})
    assert (response.status_code, response.headers.get("Allow")) in {(405, "GET, HEAD, DELETE"), (403, None)}
    assert Client(enforce_csrf_checks=False).post("/api/token").status_code == 405


def test_the_row_and_the_token_must_be_of_one_place(client: Client, holder: User) -> None:
    text = mint(holder).text
    ApiToken.objects.update(location="elsewhere.example")
    assert ask(client, text).json()["detail"] == "Invalid API Token: signatures do not match"


# How often -----------------------------------------------------------------------------------------------------------


def limit(settings: Any, **rates: str) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, **rates}


def asked_too_often(response: Any) -> bool:
    if response.status_code != 429:
        return False
    assert response.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert response.json()["title"] == "Too many requests"
    assert re.match(r"That was too often. Try again in \d+ seconds?, at \d\d:\d\d:\d\d UTC.", response.json()["detail"])
    return True


def test_a_token_is_answered_so_often_a_minute_from_wherever_it_asks(holder: User, settings: Any) -> None:
    limit(settings, api_token_key="3/m/key")
    text, other = mint(holder).text, mint(holder).text
    places = [Client(REMOTE_ADDR=f"192.0.2.{number}") for number in range(5)]
    assert [asked_too_often(ask(place, text)) for place in places] == [False, False, False, True, True]
    assert not asked_too_often(ask(places[0], other))


@pytest.mark.parametrize("addresses", [["192.0.2.7"], ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:1::3"]])
def test_a_network_is_answered_so_often_a_minute_whatever_it_brings(
    holder: User, settings: Any, addresses: list[str]
) -> None:
    limit(settings, api_token="4/m/ip")
    places = [Client(REMOTE_ADDR=address) for address in addresses]
    brought = ["", "Bearer recoverydesk-x", basic("x", "ada"), basic(mint(holder).text), basic(mint(holder).text)]
    answers = [
        places[number % len(places)].get("/api/token", headers={"Authorization": one} if one else {})
        for number, one in enumerate(brought)
    ]
    assert [answer.status_code for answer in answers] == [401, 403, 403, 200, 429]
    assert asked_too_often(answers[-1])
    assert ask(Client(REMOTE_ADDR="198.51.100.1"), mint(holder).text).status_code == 200


def test_whoever_only_knows_a_tokens_id_cannot_use_up_its_share(client: Client, holder: User, settings: Any) -> None:
    limit(settings, api_token_key="2/m/key")
    text = mint(holder).text
    forged = text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB")
    stranger = Client(REMOTE_ADDR="198.51.100.9")
    assert {ask(stranger, forged).status_code for _ in range(9)} == {403}
    assert ask(client, text).status_code == 200


def test_what_was_asked_too_often_still_uploads(client: Client, holder: User, settings: Any) -> None:
    limit(settings, api_token="2/m/ip", api_token_key="1/m/key")
    text = mint(holder).text
    assert [asked_too_often(ask(client, text)) for _ in range(3)] == [False, True, True]
    unknown = "Unknown :action 'nothing'. Use file_upload."
    door = client.post("/legacy/", {":action": "nothing"}, headers={"Authorization": basic(text)})
    assert (door.reason_phrase, ApiToken.objects.get().last_used_at is not None) == (unknown, True)


def test_who_owes_a_second_factor_makes_no_token_and_uploads_nothing(
    client: Client, holder: User, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    text = mint(holder).text
    TotpDevice.objects.all().delete()
    with pytest.raises(services.SecondFactorMissing):
        mint(holder)
    why = "User 'ada' does not have two-factor authentication enabled."
    door = client.post("/legacy/", {":action": "file_upload"}, headers={"Authorization": basic(text)})
    assert (door.status_code, door.reason_phrase) == (403, f"Invalid API Token: {why}")
    assert ask(client, text).json()["detail"] == f"Invalid API Token: {why}"


def test_a_narrowed_copy_does_not_revoke_the_token(client: Client, holder: User) -> None:
    minted = mint(holder)
    narrowed = attenuate(minted.text, caveats.ProjectName(("sample",)))
    response = client.delete("/api/token", headers={"Authorization": basic(narrowed)})
    assert response.status_code == 403
    assert "narrowed copy" in response.json()["detail"]
    assert client.delete("/api/token", headers={"Authorization": basic(minted.text)}).status_code == 204
