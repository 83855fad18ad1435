"""The key of the log as it is published."""

import base64

import pytest

from audit.chain import signing


@pytest.mark.parametrize("key", [bytes(32), bytes(range(32)), b"\xfb\xff" * 16])
def test_a_published_key_is_url_safe_base64_without_padding(key: bytes) -> None:
    text = signing.public_text(key)
    assert len(text) == 43
    assert set(text).isdisjoint("=+/")
    assert base64.urlsafe_b64decode(f"{text}=") == key
