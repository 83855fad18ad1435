"""A hook that breaks in the middle of a sign-in."""

from typing import Any


def signed_in(*_args: Any) -> None:
    raise RuntimeError("the room above broke")


def may_delete_account(_user: object) -> str:
    return "because"


def says_yes(_user: object) -> bool:
    return True


def says_no(_user: object) -> bool:
    return False
