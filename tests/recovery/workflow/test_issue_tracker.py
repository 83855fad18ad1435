"""Which addresses are issues of the configured tracker."""

from typing import Any

import pytest

from recoverydesk.recovery.workflow import issue_tracker


@pytest.mark.parametrize(
    ("base", "url", "expected"),
    [
        ("https://tracker.example", "https://tracker.example/issues/7", True),
        ("https://tracker.example", "https://TRACKER.example:443/issues/7#note", True),
        ("https://tracker.example/a/issues/", "https://tracker.example/a/issues/7", True),
        ("https://tracker.example", "https://tracker.example.evil.test/x", False),
        ("https://tracker.example", "https://tracker.example@evil.test/x", False),
        ("https://tracker.example", "https://tracker.example:8443/x", False),
        ("https://tracker.example", "http://tracker.example/x", False),
        ("https://tracker.example/a/issues", "https://tracker.example/a/issues-of-mallory/7", False),
        ("https://tracker.example/a/issues", "https://tracker.example/a/issues/../../mallory/7", False),
        ("https://tracker.example/a/issues", "https://tracker.example/a/issues/%2E%2e/%2e%2e/mallory", False),
        ("https://tracker.example/a/issues", "https://tracker.example/a/issues/\\..\\mallory", False),
        ("https://tracker.example", "https://tracker.example/x\nhttps://evil.test", False),
        ("https://tracker.example", "https://[broken/x", False),
        ("", "https://tracker.example/x", False),
        ("", "", False),
    ],
)
def test_only_what_lies_under_the_tracker_is_an_issue_of_it(settings: Any, base: str, url: str, expected: bool) -> None:
    settings.RECOVERY_ISSUE_TRACKER = base
    assert issue_tracker.holds(url) is expected
