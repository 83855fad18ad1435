"""Whole numbers that somebody else wrote: in an address, a form, a file."""

LONGEST = 18  # digits: more than any row's number has, and no more than a database column takes


def whole_number(text: object) -> int | None:
    """The number that `text` writes in ASCII digits and nothing else, from 0 to 10**18 - 1; None for all else."""
    written = str(text)
    return int(written) if written.isascii() and written.isdecimal() and len(written) <= LONGEST else None
