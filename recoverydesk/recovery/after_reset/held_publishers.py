"""Trusted publishers on hold after a recovery: each is kept or removed, on the page of the held tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import User
from audit.log import RequestOrigin
from recoverydesk.publishers import verbs
from recoverydesk.publishers.models import Publisher


@dataclass(frozen=True)
class Choice:
    """One publisher on hold. None is proposed to be kept: nobody but its owner knows whether it was theirs."""

    publisher: Publisher

    @property
    def field(self) -> str:
        return f"publisher-{self.publisher.pk}"


def choices(user: User) -> list[Choice]:
    """What is on hold of the account's publishers, oldest first. One query."""
    held = Publisher.objects.filter(added_by=user, held_at__isnull=False).select_related("project")
    return [Choice(row) for row in held.order_by("created_at", "id")]


def decide(user: User, form: Mapping[str, str], *, origin: RequestOrigin) -> dict[str, int]:
    """Do what was chosen for each; one nobody chose for stays on hold. `missed` counts those another page answered."""
    done = {"kept": 0, "revoked": 0, "missed": 0}
    for choice in choices(user):
        wish = form.get(choice.field, "")
        try:
            if wish == "keep":
                verbs.keep(choice.publisher, actor=user, origin=origin)
                done["kept"] += 1
            elif wish == "remove":
                verbs.remove_held(choice.publisher, actor=user, origin=origin)
                done["revoked"] += 1
        except (verbs.Gone, verbs.Incident):
            done["missed"] += 1
    return done
