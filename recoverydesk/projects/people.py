"""Who stands where: a user's projects and the others who own them. One query per question."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from recoverydesk.projects.models import Project, Role


@dataclass(frozen=True)
class Standing:
    """How many projects a user accepted a role in, and whether one of them is critical."""

    projects: int
    critical: bool


def standing(user: User) -> Standing:
    """Return the user's standing as it is now."""
    counts = Role.objects.filter(user=user, accepted_at__isnull=False).aggregate(
        projects=Count("id"), critical=Count("id", filter=Q(project__critical=True))
    )
    return Standing(projects=counts["projects"], critical=counts["critical"] > 0)


def co_owners(user: User) -> list[User]:
    """Return the other users who accepted ownership of a project where `user` accepted a role, each once, by name."""
    return list(User.objects.filter(pk__in=_owner_ids(user)).exclude(pk=user.pk).order_by("username"))


def co_owns(user: User, subject: User, *, acting: bool = False) -> bool:
    """True when `user` owns a project of the subject's. Nobody is their own co-owner.

    `acting` leaves out projects in which the user's own role is on hold.
    """
    return people_sharing_with(user, acting=acting).filter(user_id=subject.pk).exists()


def people_sharing_with(user: User, *, acting: bool = False) -> QuerySet[Role, int]:
    """The ids of the others who accepted a role in a project that `user` owns: whom `co_owns` is true of."""
    own = Role.objects.filter(user=user, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    own = own.filter(held_at=None) if acting else own
    others = Role.objects.filter(project__in=own.values("project"), accepted_at__isnull=False).exclude(user=user)
    return others.values_list("user_id", flat=True)


def in_quarantine(project: Project) -> list[User]:
    """Whoever accepted a role in the project and has the limits that follow a recovery. One query."""
    running = Q(quarantine_until__isnull=True) | Q(quarantine_until__gt=Now())
    roles = Role.objects.filter(project=project, accepted_at__isnull=False)
    return list(User.objects.filter(running, quarantined_at__isnull=False, pk__in=roles.values("user")))


def _owner_ids(user: User) -> QuerySet[Role, int]:
    shared = Project.objects.filter(roles__user=user, roles__accepted_at__isnull=False)
    owners = Role.objects.filter(project__in=shared, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    return owners.values_list("user_id", flat=True)
