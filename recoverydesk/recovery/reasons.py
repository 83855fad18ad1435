"""A reason that a person gives for what they do: long enough to tell the next one something."""

from recoverydesk.recovery import errors

REASON_MIN_LENGTH = 10


def check_reason(reason: str) -> str:
    """Return the reason without outer white space; raises ReasonTooShort."""
    text = " ".join(reason.split())
    if len(text) < REASON_MIN_LENGTH:
        raise errors.ReasonTooShort
    return text
