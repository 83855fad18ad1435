"""Drawings of our own: the strokes of each icon on a grid of 24, and our mark, a key that leads back."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

ICONS = {
    "alert": "M12 3 2.5 20h19zM12 10v4M12 17.2v.1",
    "arrow": "M5 12h14M13 6l6 6-6 6",
    "branch": "M6 8v8M18 10c0 4-12 2-12 6M6 8a2.5 2.5 0 1 0-.1 0M18 10a2.5 2.5 0 1 0-.1 0M6 21a2.5 2.5 0 1 0-.1 0",
    "check": "M4.5 12.5 10 18 19.5 6.5",
    "clock": "M12 3a9 9 0 1 0 .1 0M12 7v5l3.5 2",
    "copy": "M9 9h11v11H9zM15 9V4H4v11h5",
    "cross": "M6 6l12 12M18 6 6 18",
    "hold": "M9 6v12M15 6v12",
    "inbox": "M4 13 7 5h10l3 8v6H4zM4 13h5l1.5 3h3L15 13h5",
    "info": "M12 3a9 9 0 1 0 .1 0M12 11v5M12 7.8v.1",
    "key": "M8 20a4.5 4.5 0 1 0-.1 0M11.2 12.4 20 4M16.5 7.5 19 10",
    "lock": "M5 11h14v10H5zM8 11V7.5a4 4 0 0 1 8 0V11",
    "mail": "M3 6h18v13H3zM3.5 7l8.5 6.5L20.5 7",
    "person": "M12 12a4 4 0 1 0-.1 0M4.5 21c0-4.5 3-6 7.5-6s7.5 1.5 7.5 6",
    "search": "M10.5 4a6.5 6.5 0 1 0 .1 0M15.3 15.3 20.5 20.5",
    "shield": "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z",
}
MARK = format_html(
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"/>'
    '<path d="{}" fill="none" stroke-width="2.8" stroke-linecap="round"/><path class="head" d="{}"/></svg>',
    "M20.6 6.9A6.5 6.5 0 1 1 11.4 6.9M16 18v9.5M16 22.5h4.6M16 27.2h3.2",
    "M14.4 3.9 13.9 9.4 8.9 4.4z",
)


def drawing(name: str) -> SafeString:
    """The icon as inline SVG; words beside it say what it means. KeyError for a name that is none."""
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>', ICONS[name])
