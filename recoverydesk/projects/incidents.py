"""Whom an incident touches: everybody with a role in the project, or in a project of the account, and the account."""

from typing import Any

from django.db.models import Q, QuerySet

from recoverydesk.projects.models import Incident


def standing() -> QuerySet[Incident]:
    """Every incident that is not lifted, the oldest first."""
    return Incident.objects.filter(lifted_at=None).select_related("project", "subject").order_by("marked_at")


def touching(user: Any) -> QuerySet[Incident]:
    """The incidents that touch this account (or, inside a query, the account an OuterRef names) and are not lifted."""
    in_project = Q(project__roles__user=user, project__roles__accepted_at__isnull=False)
    with_account = Q(
        subject__roles__accepted_at__isnull=False,
        subject__roles__project__roles__user=user,
        subject__roles__project__roles__accepted_at__isnull=False,
    )
    return Incident.objects.filter(Q(subject=user) | in_project | with_account, lifted_at=None)
