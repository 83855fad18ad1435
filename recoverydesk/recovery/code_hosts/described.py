"""Stored code hosts: where else than https:443 on the public net we may look. Every change is an event and a mail.

A change re-reads the stored links of that host and counts for tickets opened later; open tickets keep what they froze.
"""

import logging
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from audit.log import record
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects.services import reread_links
from recoverydesk.recovery.errors import NotAllowed, RecoveryError
from recoverydesk.recovery.models import CodeHost
from recoverydesk.recovery.permissions import SYSTEM, Actor, Who, admins
from recoverydesk.recovery.repository_urls import url_text
from recoverydesk.recovery.repository_urls.parser import NO_HOSTS, HostRule, Hosts, Place, parse

logger = logging.getLogger(__name__)
MAIL_KIND = "codehost_changed"


class BadOrigin(RecoveryError):
    sentence = _("This cannot be the address of a code host. Give it as https://host.example.")


class UnknownCodeHost(RecoveryError):
    sentence = _("There is no such code host.")


@dataclass(frozen=True)
class Changed:
    """The row (unsaved after a removal) and in how many projects its links read differently now."""

    codehost: CodeHost
    projects: int = 0


def stored_hosts() -> Hosts:
    """Every code host staff have described as a rule, by key; one query. What was only learned makes no rule.

    A row that cannot be read makes none either: its URLs are read and refused like any stranger's.
    """
    read = ((row, _rule(row)) for row in CodeHost.objects.filter(described=True))
    return {row.host: rule for row, rule in read if rule is not None}


def rules_if_any() -> Hosts:
    """The same for commands that also work before the first `migrate`, when nothing is stored."""
    return stored_hosts() if CodeHost._meta.db_table in connection.introspection.table_names() else NO_HOSTS


def _rule(row: CodeHost) -> HostRule | None:
    try:
        key, scheme, port = url_text.host_key(row.origin)
    except url_text.UrlRefused:
        key, scheme, port = "", "", 0
    if key != row.host or row.style not in CodeHost.Style.values:
        logger.error("code host %s cannot be read: describe it anew with `manage.py codehost add`", row.pk)
        return None
    return HostRule(row.style, scheme, port, row.private, row.plain_http, paused=row.paused_at is not None)


@transaction.atomic
def describe_host(
    origin: str,
    *,
    style: str = CodeHost.Style.OWNER,
    private: bool = False,
    plain_http: bool = False,
    actor: Actor = SYSTEM,
) -> Changed:
    """Describe a code host, or describe it anew; raises BadOrigin, NotAllowed. A pause stays as it is."""
    _check(actor)
    key = _checked_origin(origin, private=private, plain_http=plain_http)
    facts: dict[str, Any] = {"origin": origin.rstrip("/"), "style": style, "private": private, "plain_http": plain_http}
    before = CodeHost.objects.select_for_update().filter(host=key, described=True).values(*facts).first()
    row, _made = CodeHost.objects.update_or_create(host=key, defaults={**facts, "described": True})
    told = {name: facts[name] for name in ("style", "private", "plain_http")}
    if before is None:
        tell_admins(Tag.CODEHOST_ADD, row, actor, **told)
    elif before != facts:
        tell_admins(Tag.CODEHOST_CHANGE, row, actor, **told, was=before)
    return Changed(row, reread_links(key))


@transaction.atomic
def pause(host: str, *, actor: Actor = SYSTEM) -> Changed:
    """Ask nothing of this host until it is taken up again; raises UnknownCodeHost, NotAllowed."""
    row = _locked(host, actor)
    if row.paused_at is None:
        row.paused_at = Now()
        row.save(update_fields=["paused_at"])
        tell_admins(Tag.CODEHOST_PAUSE, row, actor)
    return Changed(row)


@transaction.atomic
def resume(host: str, *, actor: Actor = SYSTEM) -> Changed:
    """Ask this host again; raises UnknownCodeHost, NotAllowed."""
    row = _locked(host, actor)
    if row.paused_at is not None:
        row.paused_at = None
        row.save(update_fields=["paused_at"])
        tell_admins(Tag.CODEHOST_RESUME, row, actor)
    return Changed(row)


@transaction.atomic
def remove(host: str, *, actor: Actor = SYSTEM) -> Changed:
    """Forget the host: its URLs are read and refused like any stranger's; raises UnknownCodeHost, NotAllowed."""
    row = _locked(host, actor)
    row.delete()
    tell_admins(Tag.CODEHOST_REMOVE, row, actor)
    return Changed(row, reread_links(row.host))


def _check(actor: Actor) -> None:
    """Only somebody at the shell, or a superuser, decides where the desk may look."""
    if Who.SYSTEM not in actor.parts and not (actor.user and actor.user.is_superuser):
        raise NotAllowed


def _checked_origin(origin: str, *, private: bool, plain_http: bool) -> str:
    """The key of the origin; raises BadOrigin for what the other answers do not allow."""
    try:
        key, scheme, _port = url_text.host_key(origin)
    except url_text.UrlRefused as error:
        raise BadOrigin(str(error)) from error
    if (scheme == "http") != plain_http:
        raise BadOrigin("--plain-http" if scheme == "http" else "https, --plain-http")
    if not private and url_text.is_bare(url_text.host_of(key)):
        raise BadOrigin("--private")
    return key


def _locked(host: str, actor: Actor) -> CodeHost:
    """The row by its key or its origin, locked."""
    _check(actor)
    row = find_host(host)
    if row is None:
        raise UnknownCodeHost(host)
    return row


def find_host(host: str) -> CodeHost | None:
    """The row by its key or its origin, locked; None where there is none."""
    return CodeHost.objects.select_for_update().filter(Q(host=host) | Q(origin=host.rstrip("/"))).first()


def tell_admins(tag: Tag, row: CodeHost, actor: Actor, **facts: Any) -> None:
    """An event with these facts, and a mail to every admin."""
    event = record(tag, actor=actor.party, host=row.host, url=row.origin, **facts)
    for admin in admins():
        if recipient := addresses.primary(admin):
            _queue(event, tag, row, admin, recipient)


def _queue(event: Event, tag: Tag, row: CodeHost, admin: User, recipient: str) -> None:
    outbox.queue(
        MAIL_KIND,
        recipient,
        user=admin,
        context={"change": tag.value, "host": row.host, "origin": row.origin, "actor": event.actor_name},
        dedupe=f"{MAIL_KIND}:{event.pk}:{admin.pk}",
    )


def parse_stored(url: str, hosts: Hosts | None = None) -> Place:
    """`parse` with the stored code hosts; for many URLs give it `stored_hosts()`, else each call is one query."""
    return parse(url, stored_hosts() if hosts is None else hosts)
