"""The services around the program fail: the broker, the database, the mail server. Nothing acknowledged is lost."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import requests
from django.db import connection

from accounts.mail.models import Request
from tests.services import judge, people
from tests.services.postbox import Postbox
from tests.services.stack import Stack, eventually

DONE_WITHIN = 120  # seconds after the end of a fault


def run(
    stack: Stack, box: Postbox, only: list[str] | str = "", stops: int = 10, backends: int = 200, stories: int = 4
) -> dict[str, Any]:
    """Each fault while stories go on; figures and faults of each."""
    chosen = ([only] if isinstance(only, str) else only) if only else list(FAULTS)
    options = {"stops": stops, "backends": backends, "stories": stories}
    figures: dict[str, Any] = {}
    faults: list[str] = []
    for name in chosen:
        box.mode = "take"
        repeated = box.repeated()
        figures[name] = FAULTS[name](stack, box, options)
        judge.settle()
        allowed = repeated + figures[name].get("may_repeat", 0)
        faults += [f"{name}: {fault}" for fault in judge.verdict(box, repeats=allowed)]
    return {**figures, "faults": faults}


@contextmanager
def telling(stack: Stack, box: Postbox, many: int) -> Iterator[list[Any]]:
    """So many stories are told while the block lasts and until their end; their claimants are yielded."""
    admin = people.make_admin(stack)
    users = [people.make_claimant(stack) for _ in range(many)]

    def tell(user: Any) -> None:
        try:
            people.whole_story(stack, box, user, admin, within=300)
        finally:
            connection.close()

    with ThreadPoolExecutor(many) as pool:
        going = [pool.submit(tell, user) for user in users]
        yield users
        for one in going:
            one.result()


def broker_away(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """No broker for the whole story: pages answer, `manage.py sweep` does the work; then the workers catch up."""
    from recoverydesk.recovery.background import sweep

    stack.broker.stop()
    over, slowest = threading.Event(), [0.0]

    def sweep_from_cron() -> None:
        while not over.wait(1):
            sweep.sweep()
        connection.close()

    cron = threading.Thread(target=sweep_from_cron)
    cron.start()
    with telling(stack, box, options["stories"]):
        slowest.append(_time(lambda: people.ask(stack, people.make_claimant(stack))))
    over.set()
    cron.join()
    late = [people.make_claimant(stack) for _ in range(options["stories"])]
    slowest += [_time(partial(people.ask, stack, user)) for user in late]
    stack.broker.start()
    caught_up = _time(lambda: [came_in(box, user.email) for user in late])
    return {
        "stories": options["stories"],
        "slowest_page": round(max(slowest), 2),
        "caught_up_seconds": round(caught_up, 1),
    }


def postgres_stopped(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """`pg_ctl stop -m immediate`, again and again. Whoever was told "received" finds their request."""
    told: list[str] = []
    back: list[float] = []
    with telling(stack, box, options["stories"]):
        for _ in range(options["stops"]):
            user = eventually(lambda: people.make_claimant(stack), "a claimant")
            asking = threading.Thread(target=_ask_once, args=(stack, user, told))
            asking.start()
            time.sleep(random.uniform(0, 1.5))
            stack.postgres.stop(signal.SIGQUIT)
            asking.join()
            connection.close()
            time.sleep(0.5)
            stack.postgres.start()
            back.append(_time(lambda: _answers(stack)))
    lost = [name for name in told if not came_in(box, name)]
    figures = {"stops": options["stops"], "acknowledged": len(told), "lost": lost, "may_repeat": options["stops"] * 2}
    assert not lost, lost
    return {**figures, "pages_back_seconds": round(max(back), 1)}


def backends_terminated(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """Connections are cut while they are in a transaction, around COMMIT."""
    cut = 0
    with telling(stack, box, options["stories"] * 2):
        begun = time.monotonic()
        while cut < options["backends"] and time.monotonic() - begun < 180:
            cut += _cut(stack)
            if not _is_busy():
                people.ask(stack, people.make_claimant(stack))
            time.sleep(random.uniform(0.01, 0.2))
    return {"terminated": cut, "may_repeat": cut}


CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'desk' AND pid <> pg_backend_pid()
AND application_name <> 'story' AND (xact_start IS NOT NULL OR state_change > now() - interval '50 milliseconds')
ORDER BY random() LIMIT 2"""


def _cut(stack: Stack) -> int:
    return len(stack.postgres.execute(CUT))


def _is_busy() -> bool:
    try:
        return Request.objects.filter(handled_at=None).exists()
    except Exception:  # noqa: BLE001 - our own connection was the one that was cut
        connection.close()
        return True


def smtp_refusing(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """Nobody listens for a while."""
    with telling(stack, box, options["stories"]):
        box.close()
        page = _time(lambda: people.ask(stack, people.make_claimant(stack)))
        time.sleep(8)
        box.open()
        ended = time.monotonic()
    return {"page_seconds": round(page, 2), "caught_up_seconds": round(time.monotonic() - ended, 1)}


def smtp_in(mode: str, *, seconds: float) -> Callable[[Stack, Postbox, dict[str, int]], dict[str, Any]]:
    """The server misbehaves for a while."""

    def fault(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
        dropped = box.dropped
        box.mode, stack.hurries = mode, mode != "slow"  # slow work keeps its lease for the real two minutes
        with telling(stack, box, options["stories"]):
            time.sleep(1)
            page = _time(lambda: people.ask(stack, people.make_claimant(stack)))
            time.sleep(seconds)
            box.mode, ended = "take", time.monotonic()
        waited, stack.hurries = time.monotonic() - ended, True
        assert waited < DONE_WITHIN, f"{waited:.0f} s after the fault"
        return {
            "page_seconds": round(page, 2), "caught_up_seconds": round(waited, 1), "may_repeat": box.dropped - dropped
        }  # fmt: skip

    return fault


FAULTS: dict[str, Callable[[Stack, Postbox, dict[str, int]], dict[str, Any]]] = {
    "broker": broker_away,
    "postgres": postgres_stopped,
    "backends": backends_terminated,
    "smtp_refuses": smtp_refusing,
    "smtp_greylists": smtp_in("greylist", seconds=5),
    "smtp_slow": smtp_in("slow", seconds=10),
    "smtp_drops": smtp_in("drop", seconds=10),
}


def _ask_once(stack: Stack, user: Any, told: list[str]) -> None:
    """One POST; only an answer that says "received" counts as acknowledged."""
    try:
        answer = people.Visitor(stack).post("/recover/", username=user.username, claim="second_factor", codes="lost")
    except requests.RequestException:
        return
    if answer.status_code == 302:
        told.append(user.email)


def came_in(box: Postbox, address: str) -> bool:
    """Wait for the mail with the branch token; TimeoutError when it does not come in time."""
    return bool(eventually(lambda: box.find(address, "Show us"), f"the mail to {address}", DONE_WITHIN))


def _answers(stack: Stack) -> None:
    def ready() -> bool:
        try:
            return people.Visitor(stack).get("/readyz").status_code == 200
        except (requests.RequestException, psycopg.Error):
            return False

    eventually(ready, "/readyz")


def _time(act: Callable[[], object]) -> float:
    begun = time.monotonic()
    act()
    return time.monotonic() - begun
