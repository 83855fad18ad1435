"""Commands of manage.py, as a shell sees them."""

from io import StringIO

from django.core.management import call_command


def exit_code(*words: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(*words, stdout=out)
    except SystemExit as leaving:
        return int(leaving.code or 0), out.getvalue()
    return 0, out.getvalue()
