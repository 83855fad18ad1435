"""Many looks at many hosts at once: each host at its own pace, so that none waits for another. No database.

A question is one repository with all boundaries that ask for a branch in it; however many they are, the host is asked
once.
"""

import logging
import queue
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field

from common.transport.client import Client, Limits, WebOrigin
from recoverydesk.recovery.probing import neighbours
from recoverydesk.recovery.probing.neighbours import Gate
from recoverydesk.recovery.probing.patience import AT_ONCE, Visit
from recoverydesk.recovery.probing.probe import look
from recoverydesk.recovery.probing.verdicts import Result, Verdict
from recoverydesk.recovery.repository_urls.parser import Hosts, Place

logger = logging.getLogger(__name__)

MOST_BRANCHES = 64  # in one question
Seen = list[tuple[str, Result]]


@dataclass(frozen=True)
class Ask:
    """One boundary that hopes for one branch, in a repository it knows by this URL."""

    boundary_id: int
    url: str
    branch: str
    position: int = 0


@dataclass
class Question:
    """One repository and who asks for it."""

    place: Place
    position: int = 0
    asks: list[Ask] = field(default_factory=list)


@dataclass
class Stop:
    """One host of the round: whom to ask, the questions there in order, and the visit that keeps us polite.

    A stranger's host shares its domain's gate, and those of its networks, with whoever else is there.
    """

    origin: WebOrigin
    visit: Visit
    questions: deque[Question] = field(default_factory=deque)
    threads: int = 0
    is_strangers: bool = False
    domain: Gate | None = None


@dataclass(frozen=True)
class Looked:
    """One boundary has its results; they may be none when its hosts had to be left alone first."""

    boundary_id: int
    seen: Seen


@dataclass(frozen=True)
class Visited:
    """One host is done with."""

    key: str


class Round:
    """All questions of one round. `run` yields what comes in, as it comes in."""

    def __init__(self, stops: Mapping[str, Stop], hosts: Hosts, limits: Limits) -> None:
        self.stops, self.hosts, self.limits = stops, hosts, limits
        self._news: queue.SimpleQueue[Looked | Visited] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._seen: dict[int, list[tuple[int, str, Result]]] = defaultdict(list)
        self._found: set[int] = set()
        self._open: dict[int, int] = defaultdict(int)
        for stop in stops.values():
            stop.threads = min(AT_ONCE, len(stop.questions))
            for question in stop.questions:
                for ask in question.asks:
                    self._open[ask.boundary_id] += 1

    def run(self) -> Iterator[Looked | Visited]:
        """Ask everywhere at once, two threads to a host; the caller may use the database between the news."""
        news = len(self._open) + len(self.stops)
        with ThreadPoolExecutor(max(1, sum(stop.threads for stop in self.stops.values()))) as pool:
            for key, stop in self.stops.items():
                if not stop.threads:
                    self._news.put(Visited(key))
                for _ in range(stop.threads):
                    pool.submit(copy_context().run, self._work, key, stop)  # its log lines bear our id
            for _ in range(news):
                yield self._news.get()

    def _work(self, key: str, stop: Stop) -> None:
        """One thread's share of a host: question after question over one connection."""
        try:
            with Client(stop.origin, self.limits) as client:
                while question := self._next(stop):
                    with ExitStack() as doors:
                        if self._may_pass(doors, stop, client):
                            self._look(client, stop.visit, question)
                        else:
                            self._done(question.asks)
        finally:
            with self._lock:
                stop.threads -= 1
                last = stop.threads == 0
            if last:
                self._give_up(stop)
                self._news.put(Visited(key))

    def _next(self, stop: Stop) -> Question | None:
        """The next question somebody still needs, once the host may be asked again."""
        while True:
            with self._lock:
                question = stop.questions.popleft() if stop.questions else None
            if question is None:
                return None
            asks = [ask for ask in question.asks if ask.boundary_id not in self._found]
            if not asks:
                self._done(question.asks)
            elif stop.visit.take():
                self._done([ask for ask in question.asks if ask not in asks])
                return Question(question.place, question.position, asks)
            else:
                self._done(question.asks)

    def _may_pass(self, doors: ExitStack, stop: Stop, client: Client) -> bool:
        """Wait for the turn of this host's domain and networks; False when it does not come in this visit."""
        if not neighbours.enter(doors, [stop.domain] if stop.domain else [], stop.visit.ends):
            return False
        shared = neighbours.gates_of(client.addresses()) if stop.is_strangers else []
        return neighbours.enter(doors, shared, stop.visit.ends)

    def _look(self, client: Client, visit: Visit, question: Question) -> None:
        try:
            branches = [ask.branch for ask in question.asks]
            results = look(client, question.place, branches, hosts=self.hosts, spoken=visit.spoken)
            visit.heard(results[0])
            self._keep(question.asks, results)
        except Exception:  # ours, and no verdict: the log has it, the others go on
            logger.exception("a look at %s failed", question.place.host)
        finally:
            self._done(question.asks)

    def _keep(self, asks: Sequence[Ask], results: Sequence[Result]) -> None:
        with self._lock:
            for ask, result in zip(asks, results, strict=True):
                self._seen[ask.boundary_id].append((ask.position, ask.url, result))
                if result.verdict is Verdict.FOUND:
                    self._found.add(ask.boundary_id)

    def _give_up(self, stop: Stop) -> None:
        """What is left when the last thread leaves (it died): nobody will look."""
        while stop.questions:
            self._done(stop.questions.popleft().asks)

    def _done(self, asks: Sequence[Ask]) -> None:
        """Count down each boundary's questions; the last one brings its news."""
        for ask in asks:
            with self._lock:
                self._open[ask.boundary_id] -= 1
                last = self._open[ask.boundary_id] == 0
            if last:
                in_turn = sorted(self._seen[ask.boundary_id], key=lambda seen: seen[0])
                self._news.put(Looked(ask.boundary_id, [(url, result) for _position, url, result in in_turn]))
