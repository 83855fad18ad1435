"""Finds tickets by number, account, address, project, host/owner or link. Indexed: whole words and beginnings."""

import re
from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from accounts import typed_names
from accounts.models import User
from recoverydesk.projects import names
from recoverydesk.projects.models import Role
from recoverydesk.recovery.code_hosts import described
from recoverydesk.recovery.models import Boundary, RecoveryTicket

LONGEST = 300
WORDS = 5
LIMIT = 500
NUMBER = re.compile(r"#?([1-9][0-9]{0,9})", re.ASCII)


def find_tickets(text: str) -> tuple[set[int], bool]:
    """The ids of the tickets that all words of `text` (five at most) speak of, and whether a list was cut short.

    A beginning is enough for accounts, projects and repository owners; at most 500 rows of each are looked at.
    """
    found: set[int] | None = None
    cut = False
    for word in text.split()[:WORDS]:
        ids, short = _word(word)
        found, cut = (ids if found is None else found & ids), cut or short
    return found or set(), cut


def _word(word: str) -> tuple[set[int], bool]:
    account = typed_names.find(word)
    named = _of_subjects(User.objects.filter(pk=account.pk).values_list("pk", flat=True)) if account else []
    parts = [list(some) for some in (named, *_finders(word))]
    return {pk for some in parts for pk in some}, any(len(some) >= LIMIT for some in parts)


def _finders(word: str) -> Iterable[Iterable[int]]:
    if number := NUMBER.fullmatch(word):
        yield _tickets(pk=int(number[1]))
        if word.startswith("#"):
            return
    if "://" in word:
        yield _tickets(issue_url__in={word, word.rstrip("/"), word.partition("#")[0], f"{word.rstrip('/')}/"})
        yield _at_place(word)
    elif "@" in word.strip("@"):
        yield _tickets(contact__iexact=word)
        yield _of_subjects(EmailAddress.objects.filter(email=word.lower()).values_list("user_id", flat=True))
    elif "/" in word.strip("/"):
        yield _by_owner(word.strip("/"))
    elif plain := word.strip("@/"):
        yield from _plain(plain)


def _plain(word: str) -> Iterable[Iterable[int]]:
    """A username, a project, a host or a repository owner."""
    name = names.normalize(word)
    yield _of_subjects(User.objects.filter(_either("username__startswith", word)).values_list("pk", flat=True))
    if name:
        roles = Role.objects.filter(project__normalized_name__startswith=name)
        yield _of_subjects(roles.values_list("user_id", flat=True))
    yield _of_boundaries(_either("namespace__startswith", word) | Q(host=word.lower()))


def _either(lookup: str, word: str) -> Q:
    """As typed, in lower case, or with one capital: each uses an index, ignoring case would not."""
    wanted = Q()
    for spelling in {word, word.lower(), word.capitalize()}:
        wanted |= Q(**{lookup: spelling})
    return wanted


def _at_place(url: str) -> Iterable[int]:
    place = described.parse_stored(url)
    return _of_boundaries(Q(host=place.host, namespace=place.namespace)) if place.host else []


def _by_owner(word: str) -> Iterable[int]:
    """`github.com/psf`, `psf/requests`, or a whole address without its scheme."""
    first, _slash, rest = word.partition("/")
    if "." in first or ":" in first:
        place = described.parse_stored(f"https://{word}")
        exact = Q(host=place.host, namespace=place.namespace) if place.host else Q(pk=None)
        return _of_boundaries(exact | (Q(host=first.lower()) & _either("namespace__startswith", rest)))
    return _of_boundaries(_either("namespace", first) | _either("namespace__startswith", word))


def _tickets(**wanted: object) -> Iterable[int]:
    return RecoveryTicket.objects.filter(**wanted).values_list("pk", flat=True)[:LIMIT]


def _of_subjects(users: QuerySet[Any, int]) -> Iterable[int]:
    """Tickets of these accounts, newest first where there are too many."""
    tickets = RecoveryTicket.objects.filter(subject__in=users.order_by()[:LIMIT])
    return tickets.order_by("-id").values_list("pk", flat=True)[:LIMIT]


def _of_boundaries(wanted: Q) -> Iterable[int]:
    return Boundary.objects.filter(wanted).order_by().values_list("ticket_id", flat=True)[:LIMIT]
