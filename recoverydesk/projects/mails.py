"""Mails about roles, to owners of the project and to the account itself. No link in them opens anything by itself."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.projects.holds import Rest, acting_owners
from recoverydesk.projects.models import Project, Role

REST, OWN_REST, INVITATION = "recovery_role_rests", "recovery_own_role_rests", "recovery_invitation_ended"
NAMES_IN_MAIL = 20
T = TypeVar("T")


def tell_of_rest(rests: Sequence[Rest], ticket: int | None, state: str) -> None:
    """Tell the other owners which of one account's roles rest: `state` is "begun", "middle" or "last".

    At the beginning the account hears it, too, at every address that hears of changes.
    """
    user = rests[0].role.user
    for owner, theirs in _grouped((owner, rest) for rest in rests for owner in rest.owners):
        context = {"owner": owner.username, "username": user.username, "state": state, **_listed(theirs)}
        _queue(REST, owner, addresses.verified(owner), ticket, context, f"{state}:{owner.pk}")
    if state == "begun":
        context = {"username": user.username, "state": state, **_listed(rests)}
        _queue(OWN_REST, user, addresses.notice_addresses(user), ticket, context, state)


def tell_of_end(roles: Sequence[Role], ticket: int | None, how: str) -> None:
    """Tell the account that these roles of it act again: an "owner" said yes, or the "time" was over."""
    user, first = roles[0].user, roles[0]
    names = [{"name": role.project.name} for role in roles[:NAMES_IN_MAIL]]
    context = {"username": user.username, "state": how, "roles": names, "more": len(roles) - len(names)}
    _queue(OWN_REST, user, addresses.notice_addresses(user), ticket, context, f"{how}:{first.pk}")


def tell_of_ended_invitations(user: User, projects: Sequence[Project], ticket: int) -> None:
    """Tell the owners of these projects that the user's invitations ended with a reset, and can be sent again."""
    roles = acting_owners().filter(project__in=[one.pk for one in projects]).select_related("user", "project")
    for owner, theirs in _grouped((role.user, role.project.name) for role in roles.order_by("user_id", "project_id")):
        names = theirs[:NAMES_IN_MAIL]
        context = {"owner": owner.username, "username": user.username, "names": names, "more": len(theirs) - len(names)}
        _queue(INVITATION, owner, addresses.verified(owner), ticket, context, str(owner.pk))


def _grouped(pairs: Iterable[tuple[User, T]]) -> list[tuple[User, list[T]]]:
    """What belongs to each person, in the order they come."""
    found: dict[int, tuple[User, list[T]]] = {}
    for user, one in pairs:
        found.setdefault(user.pk, (user, []))[1].append(one)
    return list(found.values())


def _listed(rests: Sequence[Rest]) -> dict[str, Any]:
    """Project and end of each; an empty end where only an owner's yes is one."""
    listed = [
        {
            "name": rest.role.project.name,
            "ends": f"{rest.ends_at:%Y-%m-%d %H:%M UTC}" if rest.ends_at else "",
            "owned": bool(rest.owners),
        }
        for rest in rests[:NAMES_IN_MAIL]
    ]
    return {"roles": listed, "more": len(rests) - len(listed)}


def _queue(
    kind: str, user: User, recipients: list[str], ticket: int | None, context: dict[str, Any], which: str
) -> None:
    """One per address. A ticket, a state and a person make each of them once, however often a worker tries."""
    reference = f"ticket:{ticket}"
    for recipient in recipients:
        outbox.queue(
            kind, recipient, user=user, reference=reference, context=context, language=user.language,
            dedupe=f"{reference}:{kind}:{which}:{recipient}",
        )  # fmt: skip
