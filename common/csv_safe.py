"""Tables for spreadsheets. A cell that a spreadsheet would take for a formula opens as text (ASVS 5.0, 1.2.10)."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

STARTERS = tuple("=+-@\t\r\n\0＝＋－＠")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def cell(value: Any) -> Any:
    """The value as a cell; text that begins like a formula, after any spaces, gets an apostrophe in front."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = str(value)
    risky = text.startswith(STARTERS) or text.lstrip().startswith(STARTERS)
    return f"'{text}" if risky else text


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The rows as lines of CSV, one by one."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """The rows as CSV text (RFC 4180), every cell quoted; begins with a byte-order mark, as spreadsheets like it."""
    out = io.StringIO()
    out.write("\ufeff")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def csv_response(name: str, rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """A streamed CSV file of that name, marked as UTF-8 for spreadsheets."""
    body = (line for part in (["\ufeff"], lines(rows)) for line in part)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)
