"""One look at one repository: which of the branches are there? The verdict, and what the look took.

A host is told no more of a branch token than design rule 3 allows; the whole refname is compared here. What a host
spoke last time makes the look shorter, never its answer easier to believe: see `conversation`.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from common.transport.client import Client, Limits, WebOrigin
from common.transport.failures import Blocked, Malformed, Unreachable
from recoverydesk.recovery import branch_token
from recoverydesk.recovery.probing import conversation, git, show_how
from recoverydesk.recovery.probing.answers import Absent, Elsewhere, NoGit, Stop
from recoverydesk.recovery.probing.conversation import Heard, NoMercurial
from recoverydesk.recovery.probing.sign_in_pages import is_sign_in
from recoverydesk.recovery.probing.verdicts import RETRY, Result, Verdict, next_delay
from recoverydesk.recovery.repository_urls import known_hosts
from recoverydesk.recovery.repository_urls.parser import NO_HOSTS, HostRule, Hosts, Place, parse, probe_url, refusal

__all__ = ["RETRY", "Limits", "Result", "Verdict", "look", "next_delay", "origin_of", "paused", "probe", "unasked"]

DEFAULT_LIMITS = Limits()
PATH = re.compile(r"(?:/[A-Za-z0-9_.~+%-]+)+")
SUFFIX = re.compile(r"/(?:info/refs|git-upload-pack)$")
GIT = ("v2-direct", "v2", "v0", "dumb")


@dataclass(frozen=True)
class _Question:
    place: Place
    hosts: Hosts
    branches: tuple[str, ...]
    spoken: str


def probe(
    where: Place | str,
    branch: str,
    *,
    rule: HostRule | None = None,
    hosts: Hosts = NO_HOSTS,
    limits: Limits = DEFAULT_LIMITS,
    spoken: str = "",
) -> Result:
    """Look for `refs/heads/<branch>` at one repository, given as a place or a URL.

    Stored code hosts come as `hosts` (by key), or as the `rule` of this place's host alone; `spoken` is what the host
    has shown to speak before. Never raises for anything a host, a name or the network does; raises
    branch_token.BadBranchName for a name git refuses.
    """
    place = parse(where, hosts) if isinstance(where, str) else where
    hosts = {**hosts, place.host: rule} if rule and place.host else hosts
    origin = origin_of(place, hosts)
    if origin is None:
        return _not_askable(place, branch, hosts)
    with Client(origin, limits) as client:
        return look(client, place, [branch], hosts=hosts, spoken=spoken)[0]


def origin_of(place: Place, hosts: Hosts = NO_HOSTS) -> WebOrigin | None:
    """Whom to ask for the repository; None when it must not be asked, or its host is paused."""
    url, rule = probe_url(place, hosts), hosts.get(place.host)
    return None if not url or (rule and rule.paused) else _origin(url, rule)


def look(
    client: Client, place: Place, branches: Sequence[str], *, hosts: Hosts = NO_HOSTS, spoken: str = ""
) -> list[Result]:
    """Ask for several branches of one repository in one conversation; a result for each, in order.

    The client must be one for `origin_of(place, hosts)`; it may have been used before. Raises BadBranchName.
    """
    for branch in branches:
        branch_token.refname(branch)
    started = time.monotonic()
    client.begin()
    asked = probe_url(place, hosts)
    question = _Question(place, hosts, tuple(branches), _first_try(client.origin, spoken))
    results = _settled(client, urlsplit(asked).path, question)
    seconds = time.monotonic() - started
    return [_with_costs(result, client, place, asked, seconds) for result in results]


def unasked(place: Place, verdict: Verdict, detail: str) -> Result:
    """A result without a look: nothing was sent."""
    return Result(verdict, place.host, place.namespace, place.repository, detail=detail)


def paused(place: Place) -> Result:
    """The result for a repository whose host staff have paused: nothing was sent."""
    return unasked(place, Verdict.UNREACHABLE, "staff have paused this code host")


def _not_askable(place: Place, branch: str, hosts: Hosts) -> Result:
    """A page, wiki or gist of a known host proves nothing; an address or port we refuse is another matter."""
    branch_token.refname(branch)
    if reason := refusal(place.url, hosts):
        result = unasked(place, Verdict.BLOCKED, reason)
    elif probe_url(place, hosts):
        result = paused(place)
    else:
        result = unasked(place, Verdict.NOT_A_REPOSITORY, "the URL names no repository that could prove anything")
    return replace(result, show_how=show_how.command(result, place.url, "", ""))


def _origin(url: str, rule: HostRule | None) -> WebOrigin:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if rule is None or (rule.scheme == "http" and not rule.plain_http):
        return WebOrigin(parts.scheme, host, port)
    return WebOrigin(parts.scheme, host, port, allows=(rule.scheme, rule.port), private=rule.private)


def _first_try(origin: WebOrigin, spoken: str) -> str:
    return "hg-first" if origin.host in known_hosts.MERCURIAL and spoken != "hg" else spoken


def _settled(client: Client, path: str, question: _Question) -> list[Result]:
    """Ask, and turn everything that can come of it into a verdict for each branch."""
    place, retry_after = question.place, None
    try:
        heard = _ask(client, path, question)
    except Stop as stop:
        verdict, detail, retry_after = stop.verdict, stop.detail, stop.retry_after
    except Blocked as error:
        verdict, detail = Verdict.BLOCKED, str(error)
    except Unreachable as error:
        verdict, detail = Verdict.UNREACHABLE, str(error)
    except (Malformed, git.BadPackets) as error:
        verdict, detail = Verdict.AMBIGUOUS, str(error)
    else:
        return [_verdict(place, heard, branch) for branch in question.branches]
    return [replace(unasked(place, verdict, detail), retry_after=retry_after) for _ in question.branches]


def _verdict(place: Place, heard: Heard, branch: str) -> Result:
    object_id = heard.found.get(branch, "")
    result = unasked(place, Verdict.FOUND if object_id else Verdict.MISSING, "")
    return replace(result, protocol=heard.protocol, learned=heard.learned, object_id=object_id)


def _ask(client: Client, path: str, question: _Question) -> Heard:
    """Git, or Mercurial where that is known or where git does not answer."""
    first = question.spoken in ("hg", "hg-first")
    bare = path.removesuffix(".git")
    if first:
        try:
            return conversation.ask_mercurial(client, bare, question.branches, question.spoken)
        except NoMercurial:
            pass  # git, then
    try:
        return _ask_git(client, path, question)
    except NoGit as refusal_of_git:
        understood = question.spoken in GIT and refusal_of_git.verdict is not Verdict.AMBIGUOUS
        if first or understood:
            raise
        try:
            return conversation.ask_mercurial(client, bare, question.branches)
        except (NoMercurial, git.BadPackets, Malformed):
            raise refusal_of_git from None


def _ask_git(client: Client, path: str, question: _Question) -> Heard:
    """One conversation; at most one more for the other spelling after a 404, and one more for a redirect."""
    respelled = redirected = False
    while True:
        try:
            return conversation.ask_git(client, path, question.branches, question.spoken)
        except Absent:
            if respelled:
                raise NoGit(Verdict.PRIVATE_OR_ABSENT, "no repository for us there: private, or gone") from None
            respelled, path = True, path.removesuffix(".git") if path.endswith(".git") else f"{path}.git"
        except Elsewhere as redirect:
            path = _followed(client, path, redirect, question)
            if redirected:
                raise Stop(Verdict.MOVED, "it redirects more than once") from None
            redirected = True


def _followed(client: Client, path: str, redirect: Elsewhere, question: _Question) -> str:
    return redirected_path(client.origin, path, redirect.location, question.place, question.hosts)


def redirected_path(origin: WebOrigin, path: str, location: str, place: Place, hosts: Hosts) -> str:
    """The path to ask instead, when the redirect stays inside the boundary; else raises Stop with `moved`, or
    `private-or-absent` where a sign-in page waits.

    Only the path is taken over, and asked at the same pinned origin: a redirect never leads us to another host.
    """
    try:
        target = urljoin(f"{origin.scheme}://{origin.host}:{origin.port}{path}/info/refs", location)
        bare = SUFFIX.sub("", target.partition("?")[0].partition("#")[0])
        new_path = urlsplit(bare).path
    except ValueError:
        raise Stop(Verdict.MOVED, "it redirects to something that is no URL") from None
    there = parse(bare, hosts)
    if not _same_boundary(there, place):
        raise _away(there, target)
    if not PATH.fullmatch(new_path):
        raise Stop(Verdict.MOVED, "it redirects to a path we do not ask")
    return new_path


def _same_boundary(there: Place, here: Place) -> bool:
    return there.names_repository and (there.host, there.namespace) == (here.host, here.namespace)


def _away(there: Place, target: str) -> Stop:
    """Where a redirect leads that leaves the boundary: to a sign-in page, or to what does not count."""
    if is_sign_in(target, like_a_repository=there.names_repository):
        return Stop(Verdict.PRIVATE_OR_ABSENT, "it redirects to a sign-in page: private, or not there")
    return Stop(Verdict.MOVED, _where(there))


def _where(there: Place) -> str:
    if not there.names_repository:
        return "it redirects to a page that names no repository"
    return f"it redirects to another owner or host: {there.host}/{there.namespace}/{there.repository}"[:300]


def _with_costs(result: Result, client: Client, place: Place, asked: str, seconds: float) -> Result:
    return replace(
        result,
        requests=client.requests,
        bytes_sent=client.guard.sent,
        bytes_received=client.guard.received,
        elapsed_ms=round(seconds * 1000),
        peer=client.peer,
        fingerprint=client.fingerprint,
        show_how=show_how.command(result, place.url, asked, client.limits.user_agent),
    )
