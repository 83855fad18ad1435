"""The transport without a server: whole messages, and nonsense is nothing."""

from pathlib import Path
from queue import Empty

import pytest
from celery import current_app

from recoverydesk.broker.folder_transport import Channel


def test_the_program_uses_it() -> None:
    with current_app.connection_for_write() as broker:
        assert isinstance(broker.channel(), Channel)


def test_messages_come_out_as_they_went_in_and_once(channel: Channel, tmp_path: Path) -> None:
    message = {"body": "é", "properties": {}, "headers": {"task": "x"}}
    channel._put("celery", message)
    assert [path.suffix for path in tmp_path.glob("*.*")] == [".msg"]
    assert channel._get("celery") == message
    with pytest.raises(Empty):
        channel._get("celery")


@pytest.mark.parametrize(
    "nonsense", [b"", b'{"body": "', b"\xff\x00", b"42", b"[]", b"{}", b'{"body": 1, "properties": 2}']
)
def test_nonsense_is_thrown_away_and_the_next_message_comes(channel: Channel, tmp_path: Path, nonsense: bytes) -> None:
    (tmp_path / "0.celery.msg").write_bytes(nonsense)
    with pytest.raises(Empty):
        channel._get("celery")
    channel._put("celery", {"body": "", "properties": {}})
    assert channel._get("celery")["body"] == ""
