"""A malicious release: staff mark a project or an account, and two other looks lift it (ADR 0202).

Marking gives nobody anything and takes no factor. While it stands, policy blocks the tickets of everybody it touches,
and no token and no trusted publisher of theirs is kept (recoverydesk/projects/incidents.py says whom it touches).
"""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import addresses, decisions
from accounts.mail import outbox
from accounts.models import User
from audit import log
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import people, role_mails
from recoverydesk.projects.models import Incident, Project, Role
from recoverydesk.recovery import errors
from recoverydesk.recovery.permissions import Actor, Who
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow.checks import check_full_staff, check_not_co_owner, check_not_own

MAIL = "recovery_incident"
About = Project | User


def open_about(about: About) -> Incident | None:
    """The incident of this project or account that is not lifted."""
    return (
        Incident.objects.filter(lifted_at=None, **_columns(about)).select_related("marked_by", "lift_asked_by").first()
    )


@transaction.atomic
def mark(about: About, *, actor: Actor, reason: str) -> Incident:
    """Mark it, and tell its owners. Raises NotAllowed, OwnTicket, CoOwnedTicket, ReasonTooShort, InvalidTransition."""
    text, user = check_reason(reason), _checked(about, actor, {Who.MODERATOR, Who.ADMIN})
    if open_about(_locked(about)) is not None:
        raise errors.InvalidTransition("marked already")
    incident = Incident.objects.create(reason=text, marked_by=user, **_columns(about))
    _record(Tag.INCIDENT_MARK, incident, actor, text)
    _tell(incident, "marked")
    return incident


@transaction.atomic
def ask_lift(about: About, *, actor: Actor, reason: str) -> Incident:
    """The first of two people: it may end. Raises what `mark` does, TooNew, SamePerson, ConfirmationNeeded."""
    text, user = check_reason(reason), _checked(about, actor, {Who.MODERATOR, Who.ADMIN})
    incident = _open(about)
    check_full_staff(actor, database_now())
    if incident.lift_asked_by_id is not None:
        raise errors.InvalidTransition("asked already")
    _confirm(incident, "ask_lift_incident", actor, user)
    incident.lift_asked_by, incident.lift_reason = user, text
    incident.save(update_fields=["lift_asked_by", "lift_reason"])
    _record(Tag.INCIDENT_ASK_LIFT, incident, actor, text)
    return incident


@transaction.atomic
def lift(about: About, *, actor: Actor, reason: str) -> Incident:
    """The second one, an admin, ends it, and its owners are told. Raises what `ask_lift` does."""
    text, user = check_reason(reason), _checked(about, actor, {Who.ADMIN})
    incident, now = _open(about), database_now()
    check_full_staff(actor, now)
    if incident.lift_asked_by_id is None:
        raise errors.InvalidTransition("nobody asked")
    if incident.lift_asked_by_id == user.pk:
        raise errors.SamePerson
    _confirm(incident, "lift_incident", actor, user)
    incident.lifted_by, incident.lifted_at = user, now
    incident.save(update_fields=["lifted_by", "lifted_at"])
    _record(Tag.INCIDENT_LIFT, incident, actor, text)
    _tell(incident, "lifted")
    return incident


def _columns(about: About) -> dict[str, About]:
    return {"project" if isinstance(about, Project) else "subject": about}


def _checked(about: About, actor: Actor, who: set[Who]) -> User:
    """Who shares a project with it, or has a role in it, decides nothing about it."""
    if actor.user is None or not actor.parts & who:
        raise errors.NotAllowed
    if isinstance(about, User):
        check_not_own(about, actor)
        check_not_co_owner(about, actor)
    elif Role.objects.filter(project=about, user=actor.user).exists():
        raise errors.CoOwnedTicket
    return actor.user


def _locked(about: About) -> About:
    """Two people who mark the same thing at once queue up."""
    rows = Project.objects if isinstance(about, Project) else User.objects
    return rows.select_for_update(no_key=True).get(pk=about.pk)


def _open(about: About) -> Incident:
    incident = open_about(_locked(about))
    if incident is None:
        raise errors.InvalidTransition("not marked")
    return incident


def _confirm(incident: Incident, verb: str, actor: Actor, user: User) -> None:
    words = [_("End the incident about %(name)s.") % {"name": incident}, incident.reason]
    decision = decisions.Decision(verb, f"incident:{incident.pk}", str(incident.lift_asked_by_id or ""))
    decisions.check_confirmation(actor.confirmed, decision, user, words)


def _record(tag: Tag, incident: Incident, actor: Actor, reason: str) -> None:
    log.record(
        tag, actor=actor.party, subject=incident.subject, project=incident.project, origin=actor.origin, reason=reason
    )


def _tell(incident: Incident, state: str) -> None:
    """Every owner of the project, or every co-owner of the account; not the account itself."""
    owners = role_mails.owners(incident.project) if incident.project else people.co_owners(_subject(incident))
    of = "project" if incident.project else "account"
    for owner in owners:
        context = {"owner": owner.username, "about": str(incident), "of": of, "state": state}
        for number, recipient in enumerate(addresses.verified(owner)):
            outbox.queue(
                MAIL, recipient, user=owner, reference=f"incident:{incident.pk}", context=context,
                dedupe=f"{MAIL}:{incident.pk}:{state}:{owner.pk}:{number}",
            )  # fmt: skip


def _subject(incident: Incident) -> User:
    assert incident.subject is not None
    return incident.subject
