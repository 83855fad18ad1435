"""Which token did a request bring? Headers only: no body is read, no row is looked at."""

import base64

USERNAME = "__token__"
NONE = "Invalid or non-existent authentication information."
PASSWORDS_NO_MORE = (
    "Username/Password authentication is no longer supported. Migrate to API Tokens instead: "
    "the username is __token__, the password is a token."
)


class NoToken(Exception):
    """The request brought no token. `reason` says what to do; `status` is 401 where nothing was brought at all."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


def presented(authorization: str) -> str:
    """Return the token of an Authorization header: Basic with the user `__token__`, or `token` or `bearer`.

    Raises NoToken; for a password its reason is the sentence that says what to do.
    """
    scheme, _space, value = authorization.strip().partition(" ")
    if not scheme:
        raise NoToken(NONE, 401)
    if scheme.lower() in ("token", "bearer"):
        return value.strip()
    if scheme.lower() != "basic":
        raise NoToken(NONE, 403)
    return _of_basic(value)


def _of_basic(value: str) -> str:
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise NoToken(NONE, 403) from None
    if not colon:
        raise NoToken(NONE, 403)
    if user.strip() != USERNAME:
        raise NoToken(PASSWORDS_NO_MORE, 403)
    return password.strip()
