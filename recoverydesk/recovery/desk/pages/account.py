"""Everything about one account on one screen: all that a moderator would otherwise look up page by page. To read only.

No secret, no digest and no key material is here; the verbs (freeze, open a ticket) are pages of their own.
"""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from accounts import second_factors, wrong_factors
from accounts.devices import RecoveryCode, TotpDevice, webauthn_credentials
from accounts.models import FormerAddress, Session, User
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects import holds, people
from recoverydesk.projects.models import RepositoryLink, Role
from recoverydesk.recovery import permissions
from recoverydesk.recovery.desk.pages import incidents
from recoverydesk.recovery.desk.pages.staff_request import user_of
from recoverydesk.recovery.evidence import unused_links
from recoverydesk.recovery.models import RecoveryTicket
from tokens.models import ApiToken

LISTED = 50
EVENTS = 50
OWNERS = 1_000
VIEW_ACCOUNT = "accounts.view_user"


def show_account(request: HttpRequest, pk: int) -> HttpResponse:
    """The account's page."""
    reader = user_of(request)
    if not reader.has_perm(VIEW_ACCOUNT):
        raise PermissionDenied
    account = get_object_or_404(User, pk=pk)
    context = {**admin.site.each_context(request), "title": account.username, **read_account(account, reader)}
    return TemplateResponse(request, "admin/accounts/user/account.html", context)


def read_account(account: User, reader: User) -> dict[str, Any]:
    """What the page shows; about fifteen queries, however much the account has. Lists are cut at fifty."""
    co_owns, now = people.co_owns(reader, account), database_now()
    may_freeze = reader.has_perm(permissions.FREEZE) and reader.pk != account.pk and account.is_active
    may_open = reader.has_perm(permissions.WORK_TICKETS) and reader.pk != account.pk and account.is_active
    return {
        "account": account,
        "now": now,
        "limits": settings.QUARANTINE_AFTER_SIGN_IN,
        "co_owns": co_owns,
        "may_freeze": may_freeze and not co_owns,
        "may_open": may_open and not co_owns,
        **_factors(account),
        **_addresses(account),
        **_projects(account, now),
        **_doings(account, reader),
        "listed": LISTED,
        **incidents.shown(account, reader),
    }


def _factors(account: User) -> dict[str, Any]:
    """Names, when added and last used; never what they hold."""
    columns = ("name", "confirmed", "created_at", "last_used_at")
    codes = RecoveryCode.objects.filter(device__user=account)
    return {
        "apps": list(TotpDevice.objects.filter(user=account).order_by("id").values(*columns)),
        "keys": list(webauthn_credentials().filter(user=account).order_by("id").values(*columns)),
        "codes": len(used := list(codes.values_list("used_at", flat=True))),
        "codes_left": used.count(None),
        "locked_until": second_factors.locked_until(account),
        "switched_off": len(wrong_factors.switched_off(account)),
    }


def _addresses(account: User) -> dict[str, Any]:
    return {
        "addresses": list(EmailAddress.objects.filter(user=account).order_by("-primary", "email")[:LISTED]),
        "former": list(FormerAddress.objects.filter(user=account).order_by("-removed_at")[:LISTED]),
        "heard_for": settings.NOTICE_AFTER_REMOVAL.days,
    }


def _projects(account: User, now: datetime) -> dict[str, Any]:
    """Roles, and the repository owners their projects name with the time each was first seen."""
    roles = list(Role.objects.filter(user=account).select_related("project").order_by("created_at", "id")[: LISTED + 1])
    links = RepositoryLink.objects.counting().filter(project__in=[role.project_id for role in roles])
    found = links.values_list("project_id", "host", "namespace").annotate(first=Min("first_seen")).order_by("first")
    rows = list(found[: OWNERS + 1])
    owners: dict[int, dict[str, Any]] = {}
    for project, host, namespace, first_seen in rows[:OWNERS]:
        owners.setdefault(project, {})[f"{host}/{namespace}"] = first_seen
    rests = {rest.role.pk: rest for rest in holds.describe(role for role in roles if role.held_at)}
    return {
        "roles": [(role, owners.get(role.project_id, {}), rests.get(role.pk)) for role in roles[:LISTED]],
        "more_roles": len(roles) > LISTED,
        "more_owners": len(rows) > OWNERS,
        "unused": unused_links.of_account(account, {row[1:3] for row in rows}, now),
    }


def _doings(account: User, reader: User) -> dict[str, Any]:
    """Tokens, sessions, tickets, and the newest events for those who may read the log."""
    tokens = ApiToken.objects.filter(user=account, publishers=[]).defer("sealed_key").order_by("-created_at")
    events = Event.objects.filter(subject_uid=account.uid).order_by("-id")
    sessions = Session.objects.filter(user=account).order_by("-expire_date")
    return {
        "tokens": list(tokens[:LISTED]),
        "publishers": list(account.publishers.select_related("project").order_by("-created_at")[:LISTED]),
        "sessions": list(sessions.only("signed_in_at", "last_seen", "network", "device", "expire_date")[:LISTED]),
        "tickets": list(RecoveryTicket.objects.filter(subject=account).defer("facts").order_by("-id")[:LISTED]),
        "events": list(events[:EVENTS]) if reader.has_perm("audit.view_event") else None,
    }
