"""A person never reads the name of one of Django's limits or errors: asked of every address of the site."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.helpers.tokens import basic
from tests.tiers import spread
from tests.upload.addresses import ALL

NAMES = re.compile(rb"settings\.|(DATA|FILE)_UPLOAD_|RequestDataTooBig|TooMany(Fields|Files)Sent|Suspicious|MultiPart")
MULTIPART = "multipart/form-data; boundary=x"


def parts(number: int, more: str = "", size: int = 1) -> bytes:
    """A form of many parts."""
    one = f'--x\r\nContent-Disposition: form-data; name="a"{more}\r\n\r\n{"a" * size}\r\n'
    return (one * number + "--x--\r\n").encode()


def bodies(fields: int, size: int) -> dict[str, tuple[bytes, str]]:
    """Bodies one beyond these limits, and bodies nobody can read, with their content types."""
    plain = "application/x-www-form-urlencoded"
    return {
        "too many fields": (parts(fields + 1), MULTIPART),
        "too many files": (parts(101, '; filename="a"'), MULTIPART),
        "too large": (parts(1, size=size + 1), MULTIPART),
        "too large, plainly": (b"a=" + b"a" * size, plain),
        "too many, plainly": (b"a&" * (fields + 1), plain),
        "JSON": (b'{"a": "' + b"a" * size + b'"}', "application/json"),
        "no boundary": (b"a", "multipart/form-data"),
        "no header": (b"--x\r\n\r\na\r\n--x--", MULTIPART),
        "cut off": (parts(3)[:-20], MULTIPART),
        "no base64": (parts(1).replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1), MULTIPART),
        "no such charset": (b"a=%ff", f"{plain}; charset=nonsense"),
    }


SMALL = bodies(50, 2**14)
LARGE = bodies(6_000, 5 * 2**19)


def words(response: Any) -> bytes:
    body = b"" if response.streaming else response.content
    return body + str(response.reason_phrase).encode() + str(response.headers).encode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", spread(SMALL, 3))
def test_no_page_shows_the_name_of_a_setting_or_an_error(ada: Any, settings: Any, name: str) -> None:
    body, kind = SMALL[name]
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50, 2**14
    client = Client(raise_request_exception=False)
    for visitor in (None, ada):
        if visitor:
            client.force_login(visitor)
        for address in ALL:
            response = client.generic("POST", address, body, kind)
            assert response.status_code < 500, address
            assert not NAMES.search(words(response)), address


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("too many fields", "400 The form has more than 6000 fields."),
        ("too many files", "400 The form has too many files. Send one, in the field content."),
        ("too large", "400 The form holds more than 2.5 MB besides its file."),
        ("too many, plainly", "400 The form has more than 6000 fields."),
        ("no boundary", "400 The form cannot be read. Send it whole, as multipart/form-data."),
        ("no such charset", "400 "),
    ],
)
def test_an_uploader_is_told_in_our_words(client: Client, token: str, case: str, expected: str) -> None:
    body, kind = LARGE[case]
    response = client.generic("POST", "/legacy/", body, kind, headers={"Authorization": basic(token)})
    assert f"{response.status_code} {response.reason_phrase}".startswith(expected)
    assert not NAMES.search(words(response))
