import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.mail import delivery, links, outbox, rendering
from accounts.mail.models import Mail
from accounts.models import User
from common import keys
from tests.accounts.mail.samples import queue, write
from tests.helpers.files import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates", "hook", "link_pages")]
SUBJECTS = sorted((ROOT / "templates/emails").glob("*/subject.txt"))
SECRET_TEXT = "https://localhost/account/password/reset/key/secret-key/"


def prepared(user: User | None = None) -> Mail:
    mail = outbox.queue_prepared("reset", "a@example.org", "Reset", SECRET_TEXT, user=user)
    assert mail is not None
    return mail


def queue_with_link(**options: Any) -> tuple[Mail, str]:
    link = links.make_link("stop", "user1@example.org", lifetime=timedelta(days=1), reference="ticket:7")
    return queue(links={"stop": link.pk}, **options), links.url(link)


def every_column(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return repr([bytes(cell) if isinstance(cell, memoryview) else cell for row in cursor for cell in row])


def test_a_second_mail_of_the_same_key_is_the_first_one() -> None:
    first = queue(dedupe="once", context={"username": "first"})
    second = queue(dedupe="once", context={"username": "second"})
    assert second.pk == first.pk
    assert second.context == {"username": "first"}
    assert Mail.objects.count() == 1


def test_queueing_is_two_queries(django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(2):
        queue()


@pytest.mark.django_db(transaction=True)
def test_a_mail_dies_with_the_transaction_it_was_queued_in() -> None:
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert not Mail.objects.exists()


@pytest.mark.parametrize("recipient", ["", "a@example.org\nBcc: b@x.org", "a@example.org\r", "a@exa\u2028mple.org"])
def test_a_recipient_that_could_break_a_header_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        outbox.queue("sample", recipient, dedupe="x")
    with pytest.raises(ValueError, match="one line"):
        outbox.queue_prepared("reset", recipient, "Subject", "text")


def test_a_mail_has_its_context_its_links_and_its_secrets() -> None:
    mail, url = queue_with_link()
    words = outbox.render(mail)
    assert words.text.startswith(f"Hello ada,\n\nuse {url} or push 000-recovery-secret.\n\n-- \nRecoveryDesk · http://")
    assert words.text.endswith("\n")
    assert f'<a href="{url}">{url}</a>' in words.html


def test_no_table_holds_a_link_or_a_secret_before_or_after_sending() -> None:
    _mail, url = queue_with_link()
    key = url.rstrip("/").rpartition(".")[2]
    for _ in range(2):
        stored = every_column("accounts_mail") + every_column("accounts_link") + every_column("audit_event")
        assert key not in stored
        assert "000-recovery-secret" not in stored
        outbox.send_due()
    assert key in django_mail.outbox[0].body


def test_the_subject_sees_nothing_a_user_wrote() -> None:
    assert outbox.render(queue(context={"username": "EVIL", "site_name": "EVIL"})).subject == "[RecoveryDesk] Ticket 7"


@pytest.mark.parametrize("template", SUBJECTS, ids=lambda path: path.parent.name)
def test_every_subject_asks_only_for_what_a_subject_may_show(template: Path) -> None:
    text = template.read_text()
    assert set(re.findall(r"{{\s*(\w+)", text)) <= {"site_name", "number"}
    assert (template.parent / "body.txt").exists()


def test_a_context_cannot_pass_for_a_link_or_a_secret() -> None:
    mail, url = queue_with_link(context={"links": {"stop": "https://evil.example"}, "branch_token": "evil"})
    words = outbox.render(mail)
    assert "evil" not in words.text
    assert url in words.text


def test_staff_see_dots_for_links_and_secrets() -> None:
    mail, url = queue_with_link()
    words = outbox.render(mail, masked=True)
    assert "use ••• or push •••." in words.text
    assert "Hello ada" in words.text
    for secret in (url, url.partition(".")[2], "000-recovery-secret"):
        assert secret not in words.text + words.html + words.subject


def test_rendering_twice_gives_the_same_bytes() -> None:
    mail, _url = queue_with_link()
    first = delivery.build(mail).message().as_bytes()
    second = delivery.build(Mail.objects.get()).message().as_bytes()
    assert first == second


def test_text_is_not_escaped_and_html_is(templates: Path) -> None:
    write(templates, "markup", subject="x", body="<b>Ada's</b> & {{ name }}\n  indented")
    words = outbox.render(outbox.queue("markup", "a@example.org", context={"name": "<i>"}, dedupe="x"))
    assert words.text == "<b>Ada's</b> & <i>\n  indented\n"
    assert "<p>&lt;b&gt;Ada&#x27;s&lt;/b&gt; &amp; &lt;i&gt;<br>  indented" in words.html


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see http://localhost:8000/a.", ["http://localhost:8000/a"]),
        ("(http://localhost:8000/?a=1&b=2)", ["http://localhost:8000/?a=1&amp;b=2"]),
        ("a user called evil.example wrote", []),
        ("a token called https://evil.example/login was used", []),
        ("http://localhost:8000.evil.example/ and http://localhost:8000@evil.example/", []),
        ("javascript:alert(1) and mailto:a@example.org", []),
        ('http://localhost:8000/"onclick="x', ["http://localhost:8000/"]),
    ],
)
def test_only_addresses_of_this_site_become_links(templates: Path, text: str, linked: list[str]) -> None:
    write(templates, "text", subject="x", body="{{ text }}")
    page = outbox.render(outbox.queue("text", "a@example.org", context={"text": text}, dedupe="x")).html
    assert page.count("<a ") == len(linked)
    assert all(f'<a href="{url}">{url}</a>' in page for url in linked)


def test_a_mail_speaks_the_language_of_its_account(templates: Path, ada: User) -> None:
    write(templates, "tongue", subject="x", body="{% load i18n %}{% get_current_language as L %}{{ L }}")
    ada.language = "es"
    theirs = outbox.queue("tongue", "a@example.org", user=ada, dedupe="1")
    chosen = outbox.queue("tongue", "a@example.org", user=ada, language="en", dedupe="2")
    nobodys = outbox.queue("tongue", "a@example.org", dedupe="3")
    assert [outbox.render(mail).text for mail in (theirs, chosen, nobodys)] == ["es\n", "en\n", "en\n"]
    assert '<html lang="es">' in outbox.render(theirs).html


def test_a_prepared_mail_is_stored_encrypted_then_sent_then_wiped(ada: User) -> None:
    mail = prepared(ada)
    assert "secret-key" not in every_column("accounts_mail")
    assert outbox.render(mail).text == SECRET_TEXT
    assert outbox.send_due() == 1
    assert django_mail.outbox[0].body == SECRET_TEXT
    mail.refresh_from_db()
    assert (mail.state, mail.payload) == (Mail.State.SENT, None)
    assert "secret-key" not in every_column("accounts_mail")
    with pytest.raises(rendering.TextGone):
        outbox.render(mail)


def test_a_prepared_mail_shows_staff_nothing_before_or_after() -> None:
    mail = prepared()
    assert outbox.render(mail, masked=True).text == "•••"
    assert "secret-key" not in outbox.render(mail, masked=True).html
    outbox.send_due()
    assert outbox.render(Mail.objects.get(), masked=True).text == "•••"


def test_a_prepared_mail_given_up_is_wiped_too(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.accounts.mail.test_outbox.RefusingBackend"
    outbox.queue_prepared("reset", "a@example.org", "Reset", SECRET_TEXT)
    Mail.objects.update(queued_at=Now() - timedelta(days=3))
    outbox.send_due()
    assert list(Mail.objects.values_list("state", "payload")) == [(Mail.State.FAILED, None)]


class RefusingBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        raise OSError("no")


def test_a_prepared_mail_of_another_table_or_key_cannot_be_read(settings: Any) -> None:
    mail = prepared()
    mail.payload = keys.encrypt("totp", b'["a", "b"]')
    with pytest.raises(keys.BadCiphertext):
        outbox.render(mail)


def test_a_prepared_subject_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="one line"):
        outbox.queue_prepared("reset", "a@example.org", "Reset\nBcc: b@example.org", "text")


@pytest.mark.parametrize(
    ("reference", "number"), [("ticket:214", 214), ("event:3", None), ("", None), ("ticket:", None), ("ticket:x", None)]
)
def test_a_mails_ticket_comes_from_its_reference(reference: str, number: int | None) -> None:
    assert Mail(reference=reference).ticket == number
