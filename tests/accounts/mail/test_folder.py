from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, get_connection


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.EMAIL_BACKEND = "accounts.mail.folder.EmailBackend"
    settings.MAIL_DIR = tmp_path / "mail"
    return tmp_path / "mail"


def message(number: int) -> EmailMessage:
    return EmailMessage(f"Mail {number}", "Grüße", "desk@example.org", ["ada@example.org"])


def test_one_whole_file_per_mail_in_the_order_of_sending(folder: Path) -> None:
    assert get_connection().send_messages([message(number) for number in range(20)]) == 20
    files = sorted(folder.iterdir())
    assert {file.suffix for file in files} == {".eml"}
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    assert [mail["Subject"] for mail in mails] == [f"Mail {number}" for number in range(20)]
    assert mails[0].get_content().strip() == "Grüße"


def test_a_folder_that_cannot_be_written_is_an_error(folder: Path) -> None:
    folder.write_text("a file in its place")
    with pytest.raises(OSError, match="exists"):
        get_connection().send_messages([message(1)])
