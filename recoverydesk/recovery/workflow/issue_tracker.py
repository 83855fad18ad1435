"""The public tracker people write to: which addresses are issues of it."""

from urllib.parse import SplitResult, urlsplit

from django.conf import settings


def holds(url: str) -> bool:
    """Whether `url` lies under RECOVERY_ISSUE_TRACKER: the same scheme, host and port, and all of its path segments.

    Text that merely begins like it (another host, `..`, somebody's name before an @) does not.
    """
    if any(sign in url.lower() for sign in ("\\", "@", "%2e")) or any(letter.isspace() for letter in url):
        return False
    try:
        tracker, asked = urlsplit(settings.RECOVERY_ISSUE_TRACKER), urlsplit(url)
        same_origin = bool(tracker.hostname) and _origin(tracker) == _origin(asked)
    except ValueError:
        return False
    base, path = _segments(tracker), _segments(asked)
    return same_origin and path[: len(base)] == base and not {".", "..", ""} & set(path)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or {"https": 443, "http": 80}.get(url.scheme)


def _segments(url: SplitResult) -> list[str]:
    path = url.path.strip("/")
    return path.split("/") if path else []
