"""22 November 2026, 20:13, and 22 Nov 2026, 20:13 in tables."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
