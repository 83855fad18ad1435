"""The recovery policy as a page, with the numbers in force. docs/recovery-policy.md says the same with the defaults."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from recoverydesk.recovery import notices
from recoverydesk.recovery.evidence import cases


def show_policy() -> dict[str, Any]:
    """The waiting periods in words, and which switches are set."""
    numbers = cases.numbers()
    return {
        "window": notices.span(numbers.objection_window),
        "window_critical": notices.span(numbers.objection_window_critical),
        "without_boundary": notices.span(numbers.wait_without_boundary),
        "careful": notices.span(numbers.wait_careful),
        "new_contact": notices.span(numbers.wait_new_contact),
        "nothing_bound": notices.span(numbers.wait_nothing_bound),
        "object_within": notices.span(numbers.object_within),
        "expires": notices.span(numbers.expires_after),
        "quarantine": notices.span(settings.QUARANTINE_AFTER_SIGN_IN),
        "renewable": notices.span(timedelta(days=7)),
        "always_two": numbers.always_two,
        "human_reset": numbers.human_reset,
    }
