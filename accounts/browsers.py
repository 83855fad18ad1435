"""A browser's own words in ours: what it sends is anybody's text and never goes into a mail as it is."""

BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def describe(device: str) -> str:
    """Return for example "Firefox, Linux" for a User-Agent header; empty when it names nothing we know."""
    return ", ".join(filter(None, (_first(BROWSERS, device), _first(SYSTEMS, device))))


def _first(names: dict[str, str], device: str) -> str:
    return next((word for mark, word in names.items() if mark in device), "")
