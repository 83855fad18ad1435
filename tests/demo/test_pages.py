"""The demo's pages: logins with their codes, and the inbox."""

import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.devices import TotpDevice
from accounts.models import User
from recoverydesk.demo import checks, inbox, logins, views

SECRET = b"12345678901234567890"  # RFC 6238 appendix B


@pytest.fixture(autouse=True)
def _urls_of_the_demo(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.demo.urls"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.MAIL_DIR = tmp_path
    return tmp_path


def write(folder: Path, name: str, subject: str, text: str, recipient: str = "ada@example.org") -> None:
    message = EmailMessage()
    message["To"], message["Subject"], message["Date"] = recipient, subject, "Sun, 22 Nov 2026 10:00:00 +0000"
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    (folder / name).write_bytes(message.as_bytes())


def test_mails_are_listed_newest_first(folder: Path) -> None:
    write(folder, "100-a.eml", "older", "x")
    write(folder, "200-b.eml", "newer", "x")
    (folder / ".300-c.eml.draft").write_text("half a mail")
    assert inbox.names() == ["200-b.eml", "100-a.eml"]


def test_a_mail_is_read_as_its_plain_text(folder: Path) -> None:
    write(folder, "1-a.eml", "Grüße – ✓", "Hello\n\nhttp://localhost:8000/recover/status/7.abc/\n")
    letter = inbox.read_mail("1-a.eml")
    assert (letter.recipient, letter.subject) == ("ada@example.org", "Grüße – ✓")
    assert letter.text == "Hello\n\nhttp://localhost:8000/recover/status/7.abc/\n"
    assert letter.sent is not None


def test_a_mail_without_date_is_still_shown(folder: Path) -> None:
    (folder / "1-a.eml").write_bytes(b"Subject: bare\r\n\r\ntext\r\n")
    assert inbox.read_mail("1-a.eml").sent is None


@pytest.mark.parametrize(
    "name", ["../settings.py", "missing.eml", ".1-a.eml", "1-a.eml.draft", "1-a.eml\n", "/etc/passwd"]
)
def test_only_a_mail_of_the_folder_can_be_read(folder: Path, name: str) -> None:
    write(folder, "1-a.eml", "one", "x")
    with pytest.raises(FileNotFoundError):
        inbox.read_mail(name)


@pytest.mark.django_db
def test_links_are_clickable_and_everything_else_is_escaped(folder: Path, client: Client) -> None:
    write(
        folder, "1-a.eml", "<b>subject</b>", "<script>alert(1)</script>\nhttp://localhost:8000/recover/stop/7.a_-b/\n"
    )
    page = client.get("/demo/inbox/1-a.eml/").content.decode()
    assert "<script>alert" not in page
    assert "<b>subject" not in page
    assert 'href="http://localhost:8000/recover/stop/7.a_-b/"' in page


@pytest.mark.django_db
def test_the_inbox_is_split_into_pages(folder: Path, client: Client) -> None:
    for number in range(views.PER_PAGE + 1):
        write(folder, f"{1000 + number}-a.eml", f"mail {number}", "x")
    first, second = (client.get("/demo/inbox/", {"page": page}).content.decode() for page in (1, 2))
    assert "mail 40<" in first
    assert "mail 0<" not in first
    assert "mail 0<" in second


@pytest.mark.django_db
def test_a_mail_nobody_sent_is_not_found(folder: Path, client: Client) -> None:
    assert client.get("/demo/inbox/1-a.eml/").status_code == 404


@pytest.mark.django_db
def test_the_pages_are_only_read(client: Client) -> None:
    assert [client.post(url).status_code for url in ("/demo/", "/demo/inbox/", "/demo/inbox/1-a.eml/")] == [405] * 3


@pytest.mark.django_db
def test_the_page_shows_a_sample_logins_code_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.demo.logins.time.time", lambda: 59.0)
    for username in ("ada", "stranger"):
        device = TotpDevice(user=User.objects.create(username=username), name="phone")
        device.set_secret(SECRET)
        device.save()
    (row,) = logins.shown_logins()
    assert (row.user.username, row.codes) == ("ada", [logins.Code("phone", "287082", 1, used=False)])


@pytest.mark.django_db
def test_a_code_that_was_used_is_not_offered_again(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr("recoverydesk.demo.logins.time.time", lambda: 59.0)
    device = TotpDevice(user=User.objects.create(username="ada"), name="phone", last_step=1)
    device.set_secret(SECRET)
    device.save()
    page = client.get("/demo/").content.decode()
    assert "287082" not in page
    assert "used; the next code comes in 1 second" in re.sub(r"\s+", " ", page)


def test_the_demo_is_refused_in_production(settings: Settings) -> None:
    settings.PRODUCTION = True
    assert [error.id for error in checks.refuse_the_demo_in_production(None)] == ["demo.E001"]
    settings.PRODUCTION = False
    assert checks.refuse_the_demo_in_production(None) == []


@pytest.mark.django_db
def test_the_start_page_leads_to_what_only_the_demo_has(client: Client, settings: Settings) -> None:
    page = client.get("/").content.decode()
    assert all(f'href="{where}"' in page for where in ("/demo/", "/demo/inbox/", "/demo/styles/"))
    settings.ROOT_URLCONF = "recoverydesk.urls"
    assert "/demo/" not in client.get("/").content.decode()
