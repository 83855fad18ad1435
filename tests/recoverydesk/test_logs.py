"""No secret gets as far as a log line."""

import json
import logging

import pytest

from recoverydesk import logs
from tests.helpers.lookalikes import BRANCH, KEY, TOKEN


def line(message: str, *arguments: object, as_json: bool = True, error: Exception | None = None) -> str:
    record = logging.LogRecord(
        "desk", logging.WARNING, __file__, 1, message, arguments, (type(error), error, None) if error else None
    )
    return logs.formatter(as_json=as_json).format(record)


@pytest.mark.parametrize("secret", [KEY, BRANCH, TOKEN, "ada@example.org"])
@pytest.mark.parametrize("as_json", [True, False])
def test_secrets_are_masked_in_messages_arguments_and_tracebacks(secret: str, as_json: bool) -> None:
    assert secret not in line("Not Found: %s", f"/recover/stop/{secret}/", as_json=as_json)
    assert secret not in line(f"refused {secret}", as_json=as_json)
    assert secret not in line("failed", as_json=as_json, error=ValueError(secret))


def test_a_line_is_json_with_time_level_and_logger() -> None:
    shown = json.loads(line("ticket %s moved", 12))
    assert (shown["event"], shown["level"], shown["logger"]) == ("ticket 12 moved", "warning", "desk")
    assert shown["timestamp"].endswith("Z")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_hostile_path_cannot_forge_a_second_line(as_json: bool) -> None:
    assert len(line("Not Found: %s", "/x\n2026 INFO forged\r\x1b[2J\u2028y", as_json=as_json).splitlines()) == 1
