"""What the doctor says of each part, and to whom the web tells what it sees."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from django.core import signing
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from recoverydesk import __version__
from recoverydesk.operating import mirror, tasks
from recoverydesk.operating.doctor import findings, inside, mail, outside
from recoverydesk.operating.doctor.findings import Check, Finding, State, run
from tests.helpers.mail_server import running as mail_server
from tests.operating import far_ends

DOMAIN = "desk.registry.example"
SPF, DMARC = "v=spf1 mx -all", "v=DMARC1; p=quarantine; rua=mailto:dmarc@registry.example"


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


def only(found: Iterator[Finding]) -> tuple[str, State, str]:
    (one,) = found
    assert bool(one.todo) == (one.state in (State.WARNING, State.WRONG))
    return one.part, one.state, one.found


# What the web tells ---------------------------------------------------------------------------------------------------


def livez(client: Client, header: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/livez", headers={mirror.HEADER: header}, **more).json()
    return found


def test_the_web_tells_what_it_sees_to_who_holds_the_key(client: Client) -> None:
    with mirror.question() as number:
        seen = livez(client, mirror.signed(number))["doctor"]
    assert seen == {
        "version": __version__, "secure": False, "proto": "", "client": "127.0.0.1", "forwarded": [],
        "same_folder": True,
    }  # fmt: skip
    assert livez(client, mirror.signed(number))["doctor"]["same_folder"] is False


@pytest.mark.parametrize("header", ["", "x", "0" * 32, "0" * 32 + ":1tX:" + "A" * 43, "../../etc/passwd"])
def test_nobody_else_is_told_anything(client: Client, header: str) -> None:
    assert livez(client, header) == {"status": "ok"}


def test_a_number_signed_for_something_else_tells_nothing(client: Client) -> None:
    assert livez(client, signing.TimestampSigner().sign("0" * 32)) == {"status": "ok"}


def test_a_number_is_good_for_a_minute(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    header = mirror.signed("0" * 32)
    monkeypatch.setattr(mirror, "HOLDS_FOR", -1)
    assert livez(client, header) == {"status": "ok"}


@pytest.mark.parametrize("number", ["../../etc/passwd", "x", "", "0" * 33, "A" * 32])
def test_a_worker_looks_only_for_numbers(number: str) -> None:
    tasks.look(number)
    assert cache.get(f"doctor:{number}") is None


def test_a_worker_says_what_it_sees() -> None:
    with mirror.question() as number:
        assert mirror.noted(number) is None
        tasks.look(number)
        assert mirror.noted(number) == {"version": __version__, "same_folder": True}


def test_no_file_stays_behind(tmp_path: Path) -> None:
    with mirror.question():
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


# The proxy ------------------------------------------------------------------------------------------------------------


GOOD = {
    "version": __version__, "secure": True, "proto": "https", "client": "198.51.100.7",
    "forwarded": [outside.FORGED, "198.51.100.7"], "same_folder": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("count", "tls", "seen", "said"),
    [
        (1, True, {}, "forged headers do not count"),
        (1, True, {"forwarded": ["198.51.100.7"]}, "forged headers do not count"),
        (0, False, {"forwarded": [outside.FORGED], "proto": ""}, "forged headers do not count"),
        (1, True, {"forwarded": [outside.FORGED], "client": outside.FORGED}, "that anybody can send"),
        (2, True, {"client": outside.FORGED}, "that anybody can send"),
        (1, True, {"forwarded": [outside.FORGED, "198.51.100.7", "10.0.0.1"], "client": "10.0.0.1"}, "all visitors"),
        (0, False, {"proto": ""}, "all visitors look like one"),
        (1, True, {"forwarded": []}, "no X-Forwarded-For reaches"),
        (1, True, {"secure": False, "proto": "http"}, "the X-Forwarded-Proto that visitors send"),
        (1, True, {"secure": False, "proto": ""}, "no X-Forwarded-Proto: https reaches"),
        (1, False, {"secure": False}, "the web takes requests for http"),
    ],
)  # fmt: skip
def test_each_fault_of_the_proxy_is_named(
    settings: Any, count: int, tls: bool, seen: dict[str, Any], said: str
) -> None:
    settings.PRODUCTION, settings.BEHIND_TLS_PROXY, settings.ALLAUTH_TRUSTED_PROXY_COUNT = True, tls, count
    (one,) = [one for one in outside.judge(GOOD | seen) if one.part == "proxy"]
    assert said in one.found
    assert one.state == (State.OK if "do not count" in said else State.WRONG)


def test_another_program_that_answers_is_not_taken_for_the_web() -> None:
    assert only(outside.refused(outside.Answer(200)))[0] == "web"
    sentence = "X-Forwarded-For holds 1 of 2 addresses: TRUSTED_PROXY_COUNT is too high."
    assert only(outside.refused(outside.Answer(400, first_line=sentence))) == ("proxy", State.WRONG, sentence)
    assert "the name it is asked for" in only(outside.refused(outside.Answer(400)))[2]


@pytest.mark.parametrize(("days", "state"), [(90, State.OK), (22, State.OK), (20, State.WARNING), (0, State.WARNING)])
def test_a_certificate_that_ends_soon_is_named(days: int, state: State) -> None:
    ends = datetime.now(UTC) + timedelta(days=days, hours=1)
    assert only(outside.certificate(outside.Answer(200, ends=ends)))[:2] == ("certificate", state)


# DNS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def zone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """TXT records that a name server on loopback answers with."""
    settings.DEFAULT_FROM_EMAIL = f"The Desk <desk@{DOMAIN}>"
    texts: dict[str, list[str]] = {DOMAIN: [SPF]}
    with far_ends.name_server(texts) as port:

        def ours() -> dns.resolver.Resolver:
            made = dns.resolver.Resolver(configure=False)
            made.nameservers, made.port = ["127.0.0.1"], port
            return made

        monkeypatch.setattr(mail, "resolver", ours)
        yield texts


@pytest.mark.parametrize(
    ("records", "state", "said"),
    [
        ([SPF], State.OK, "has a record"),
        (["site-verification=x", "V=SPF1 include:mail.example ~all"], State.OK, "has a record"),
        ([f"v=spf1 {'ip4:198.51.100.7 ' * 20}-all"], State.OK, "has a record"),
        (["site-verification=x"], State.WARNING, "has no record"),
        (["v=spf10 -all"], State.WARNING, "has no record"),
        (["v=spf1 +all"], State.WARNING, "every server"),
        ([SPF, "v=spf1 -all"], State.WRONG, "2 records"),
    ],
)
def test_spf(zone: dict[str, list[str]], records: list[str], state: State, said: str) -> None:
    zone[DOMAIN] = records
    part, found, words = only(mail.spf())
    assert (part, found) == ("SPF", state)
    assert said in words


@pytest.mark.parametrize(
    ("records", "state", "said"),
    [
        ({f"_dmarc.{DOMAIN}": [DMARC]}, State.OK, "policy quarantine"),
        ({"_dmarc.registry.example": ["v=DMARC1;p=reject"]}, State.OK, "registry.example has policy reject"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=none"]}, State.WARNING, "policy none"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1"]}, State.WARNING, "policy missing"),
        ({f"_dmarc.{DOMAIN}": ["something else"]}, State.WARNING, "has no policy"),
        ({}, State.WARNING, "has no policy"),
    ],
)
def test_dmarc(zone: dict[str, list[str]], records: dict[str, list[str]], state: State, said: str) -> None:
    zone |= records
    part, found, words = only(mail.dmarc())
    assert (part, found) == ("DMARC", state)
    assert said in words


@pytest.mark.parametrize(
    ("records", "selector", "state", "said"),
    [
        ({f"one._domainkey.{DOMAIN}": ["v=DKIM1; k=rsa; p=MIIB"]}, "one", State.OK, "has a key"),
        ({f"one._domainkey.{DOMAIN}": ["v=DKIM1; p="]}, "one", State.WRONG, "has no key"),
        ({f"one._domainkey.{DOMAIN}": ["v=DKIM1; p=MIIB"]}, "two", State.WRONG, "has no key"),
        ({f"one._domainkey.{DOMAIN}": ["v=DKIM1; p=MIIB"]}, "", State.NOT_ASKED, "--dkim-selector"),
        ({}, "", State.WARNING, "nothing is below"),
    ],
)
def test_dkim(
    zone: dict[str, list[str]], records: dict[str, list[str]], selector: str, state: State, said: str
) -> None:
    zone |= records
    part, found, words = only(mail.dkim(selector))
    assert (part, found) == ("DKIM", state)
    assert said in words


def test_a_name_server_that_does_not_answer_is_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PRODUCTION, settings.DEFAULT_FROM_EMAIL = True, f"desk@{DOMAIN}"
    monkeypatch.setattr(mail, "WITHIN", 0.5)
    silent = dns.resolver.Resolver(configure=False)
    silent.nameservers, silent.port = ["127.0.0.1"], 9
    monkeypatch.setattr(mail, "resolver", lambda: silent)
    found = run(mail.checks("", ""))[1:]
    assert [(one.part, one.state) for one in found] == [(name, State.WRONG) for name in ("SPF", "DKIM", "DMARC")]
    assert all("DNS" in one.todo for one in found)


# Mail -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def smtp(settings: Any, free_port: int) -> int:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
    return free_port


def test_a_mail_is_sent_to_whoever_is_named_and_to_nobody_else(smtp: int) -> None:
    with mail_server(smtp) as server:
        assert only(mail.server(""))[1] == State.OK
        assert server.taken == []
        assert only(mail.server("ada@example.org"))[1] == State.OK
        (envelope,) = server.taken
    assert envelope.rcpt_tos == ["ada@example.org"]


def test_a_mail_server_that_is_away_or_refuses_is_named(smtp: int) -> None:
    check = mail.checks("ada@example.org", "")[0]
    (away,) = run([check])
    with mail_server(smtp) as server:
        server.recipients.append("550 5.7.1 ada@example.org: you may not")
        (refused,) = run([check])
    assert [(one.part, one.state, one.todo) for one in (away, refused)] == [("mail", State.WRONG, mail.TODO)] * 2
    assert "you may not" in refused.found
    assert "ada@" not in refused.found


# The report -----------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_wrong_is_named(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(inside.clock())[1] == State.OK
    for seconds, state in ((5, State.WARNING), (-5, State.WARNING), (60, State.WRONG)):
        ahead = datetime.now(UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr(inside, "database_now", lambda ahead=ahead: ahead)
        assert only(inside.clock())[:2] == ("clock", state)


def fails(error: Exception) -> Callable[[], Iterator[Finding]]:
    def ask() -> Iterator[Finding]:
        raise error

    return ask


def test_whatever_a_part_raises_is_a_finding_without_secrets() -> None:
    error = RuntimeError("cannot reach amqp://desk:the-secret-word@mq.example for ada@example.org\nsecond line")
    (found,) = run([Check("broker", fails(error), "look at BROKER_URL")])
    assert (found.state, found.todo) == (State.WRONG, "look at BROKER_URL")
    assert "cannot reach amqp" in found.found
    assert not [word for word in ("the-secret-word", "ada@", "second line") if word in found.found]


def test_what_hangs_on_a_broken_part_is_not_asked() -> None:
    first = Check("database", fails(OSError("away")), "look")
    then = Check("keys", fails(AssertionError("asked")), "look", needs=("database",))
    assert [one.state for one in run([first, then])] == [State.WRONG, State.NOT_ASKED]


def test_programs_get_one_object_and_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "CHECKS", [Check("one", lambda: iter([findings.warning("one", "hm", "look")]), "")])
    monkeypatch.setattr(inside, "WORKERS", Check("two", lambda: iter([findings.ok("two", "fine")]), ""))
    monkeypatch.setattr(outside, "WEB", Check("three", lambda: iter([findings.ok("three", "fine")]), ""))
    out = StringIO()
    call_command("doctor", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found["ok"] is True
    assert found["parts"][0] == {"part": "one", "state": "warning", "found": "hm", "todo": "look"}
    monkeypatch.setattr(outside, "WEB", Check("three", fails(OSError("away")), "look"))
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor", stdout=(out := StringIO()))
    assert "wrong     three       no answer (OSError: away)" in out.getvalue()
    assert "→ look" in out.getvalue()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="give a mail address"):
        call_command("doctor", "--send-to", "ada")
