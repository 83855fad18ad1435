"""Verifying a token against bare pymacaroons: ours also checks the spelling, reads typed caveats and asks each."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from pymacaroons import Macaroon, Verifier

from bench.rig import report
from tokens import caveats, macaroons

KEY, TOKEN, USER, PROJECT = bytes(range(32)), UUID(int=1), UUID(int=2), UUID(int=3)
WIRE: list[caveats.Caveat] = [
    caveats.ProjectName(("sample",)),
    caveats.ProjectID((str(PROJECT),)),
    caveats.Expiration(2**40, 0),
    caveats.NewerVersions(),
]
CONTEXT = caveats.Context(
    TOKEN, USER, datetime.now(UTC), caveats.UPLOAD, caveats.Project("sample", PROJECT), caveats.Release("2.0", "1.0")
)
TIMES, ROUNDS, MOST = 200, 75, 1.5


def main() -> None:
    """Measure both in turns, in the process's own time; report the median of the rounds' ratios."""
    text = macaroons.dumps("recoverydesk", "localhost", macaroons.identifier(TOKEN), KEY, map(caveats.dumps, WIRE))
    pairs = [(_time(lambda: verify(text)), _time(lambda: verify_bare(text))) for _round in range(ROUNDS)]
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    ours, bare = (min(column) for column in zip(*pairs, strict=True))
    rows = [report.bar("verify a token of four caveats, against bare pymacaroons", ratio, MOST, unit="×")]
    body = f"Ours {ours * 1e6:.0f} µs, bare pymacaroons {bare * 1e6:.0f} µs at best; {ROUNDS} rounds of {TIMES}.\n\n"
    body += report.table(["what", "measured", "wanted", ""], rows)
    print(body)
    report.write("API tokens", body)


def verify(text: str) -> None:
    """Read, check the signature, read every caveat and ask it."""
    token = macaroons.loads("recoverydesk", text)
    assert token.row_id() == TOKEN
    assert token.signed_by(KEY)
    assert all(isinstance(caveats.loads(one).verify(CONTEXT), caveats.Success) for one in token.caveats)


def verify_bare(text: str) -> None:
    """Read and check the signature with a predicate that likes everything."""
    verifier = Verifier()
    verifier.satisfy_general(lambda _caveat: True)
    assert verifier.verify(Macaroon.deserialize(text.removeprefix("recoverydesk-")), KEY)


def _time(work: Callable[[], None]) -> float:
    start = time.process_time()
    for _each in range(TIMES):
        work()
    return (time.process_time() - start) / TIMES
