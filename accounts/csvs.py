"""CSV that no spreadsheet takes for formulas (OWASP, CSV injection)."""

import csv
import io
from collections.abc import Iterable, Sequence

from audit import sheets


def write(rows: Iterable[Sequence[str]]) -> str:
    """Return the rows as CSV text (RFC 4180), every cell quoted; begins with a byte-order mark, as spreadsheets like
    it."""
    out = io.StringIO()
    out.write("\ufeff")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([sheets.cell(cell) for cell in row] for row in rows)
    return out.getvalue()
