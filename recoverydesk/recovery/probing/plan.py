"""Who asks what of whom in one round: plain values, made before anybody is asked."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.transport.client import Limits, WebOrigin
from recoverydesk.recovery.probing.neighbours import Gate, domain_of, is_public
from recoverydesk.recovery.probing.patience import Visit
from recoverydesk.recovery.probing.probe import origin_of, paused, probe
from recoverydesk.recovery.probing.questions import Ask, Question, Seen, Stop
from recoverydesk.recovery.repository_urls.parser import Hosts, parse

REPOSITORIES_A_ROUND = 20
Name = tuple[str, str, str]


@dataclass
class Plan:
    """The questions by host key, in the order in which they are asked: everybody's newest repository first."""

    hosts: Hosts
    limits: Limits
    origins: dict[str, WebOrigin] = field(default_factory=dict)
    seen: dict[int, Seen] = field(default_factory=dict)
    paced: set[str] = field(default_factory=set)  # hosts staff have set a pace for
    _questions: dict[str, dict[Name, Question]] = field(default_factory=dict)

    def add(self, boundary_id: int, urls: Sequence[str], branch: str, *, start: int) -> None:
        """Let a boundary ask in the next 20 of its repositories, from `start` and going round."""
        self.seen[boundary_id] = []
        start %= max(len(urls), 1)
        for position, url in enumerate([*urls[start:], *urls[:start]][:REPOSITORIES_A_ROUND]):
            self._add(Ask(boundary_id, url, branch, position))

    def _add(self, ask: Ask) -> None:
        place = parse(ask.url, self.hosts)
        origin = origin_of(place, self.hosts)
        if origin is None or not origin.is_allowed:  # nothing is sent
            self.seen[ask.boundary_id].append((ask.url, probe(place, ask.branch, hosts=self.hosts, limits=self.limits)))
            return
        self.origins[origin.key] = origin
        name = (place.host, place.namespace, place.repository)
        question = self._questions.setdefault(origin.key, {}).setdefault(name, Question(place, ask.position))
        question.asks.append(ask)
        question.position = min(question.position, ask.position)

    def stop(self, key: str, visit: Visit, domain: Gate | None = None) -> Stop:
        """All questions at one host; `domain` is the gate it shares with the others of its domain."""
        in_turn = sorted(self._questions[key].values(), key=lambda question: question.position)
        return Stop(self.origins[key], visit, deque(in_turn), is_strangers=self._is_strangers(key), domain=domain)

    def domains(self) -> dict[str, str]:
        """The domain of each stranger's host that has one, by key."""
        found = {key: domain_of(origin.host) for key, origin in self.origins.items() if self._is_strangers(key)}
        return {key: domain for key, domain in found.items() if domain}

    def _is_strangers(self, key: str) -> bool:
        """Neither have staff described this host or set its pace, nor is it a public one we know."""
        return not (key in self.hosts or key in self.paced or is_public(self.origins[key].host))

    def leave_paused(self, key: str) -> None:
        """Nobody asks at this host: staff have paused it."""
        for question in self._questions[key].values():
            for ask in question.asks:
                self.seen[ask.boundary_id].append((ask.url, paused(question.place)))

    def keys_of(self, boundary_id: int) -> set[str]:
        """The hosts at which a boundary's repositories are asked."""
        return {
            key
            for key, questions in self._questions.items()
            if any(ask.boundary_id == boundary_id for question in questions.values() for ask in question.asks)
        }
