"""The recovery policy as a page, with the numbers in force. docs/recovery-policy.md says the same with the defaults."""

from typing import Any

from django.conf import settings

from recoverydesk.projects import holds
from recoverydesk.recovery import ladder
from recoverydesk.recovery.after_reset.choose_password import HOLD, RENEWABLE_FOR
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.workflow.checks import YOUNG_FACTOR
from recoverydesk.recovery.workflow.closing import ONCE_IN
from tokens.services import REVOKED_UNCONFIRMED


def show_policy() -> dict[str, Any]:
    """The rungs, the other lengths of time in words, and which switches are set."""
    numbers = cases.numbers()
    spans = {
        "once_in": ONCE_IN,
        "stop_counts": cases.STOP_COUNTS_FOR,
        "young": settings.RECOVERY_YOUNG_LINK,
        "young_factor": YOUNG_FACTOR,
        "role_rests": holds.LASTS,
        "object_within": numbers.object_within,
        "expires": numbers.expires_after,
        "quarantine": settings.QUARANTINE_AFTER_SIGN_IN,
        "renewable": RENEWABLE_FOR,
        "hold": HOLD,
        "revoked": REVOKED_UNCONFIRMED,
        "keep_mails": settings.KEEP_MAILS,
        "keep_probes": settings.KEEP_PROBES,
    }
    return {
        "ladder": ladder.draw(numbers),
        "rungs": ladder.rungs(numbers),
        "always_two": numbers.always_two,
        "human_reset": numbers.human_reset,
        **{name: ladder.length(span) for name, span in spans.items()},
    }
