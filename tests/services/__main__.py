"""`python -m tests.services NAME [name=value…]`: one run against the real stack.

JSON on standard output; exit 1 when a fault was found. `broker=` is filesystem, redis or rabbitmq. A name in capitals
is a setting of the program.
"""

import importlib
import json
import signal
import sys
from typing import Any

from tests.services.stack import running

RUNS: dict[str, dict[str, str]] = {  # name: the settings it needs
    "kills": {"RECOVERY_OBJECTION_WINDOW": "15"},  # else a slow machine sees no waiting
    "crowds": {"SWEEP_EVERY": "2"},
    "faults": {},
    "clock": {"RECOVERY_OBJECTION_WINDOW": "3600", "RECOVERY_EXPIRES_AFTER_DAYS": "2"},
    "messages": {},
    "shortages": {},
    "soak": {},
    "versions": {},
}


def value(text: str) -> Any:
    """A number where it is one, a list where there are commas, else the word."""
    if "," in text:
        return text.split(",")
    return int(text) if text.isdecimal() else text


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in RUNS:
        sys.exit(f"python -m tests.services {'|'.join(RUNS)} [name=value…]")
    signal.signal(signal.SIGTERM, lambda *_why: sys.exit(143))  # and leave nothing running
    given = dict(one.split("=", 1) for one in arguments[1:])
    settings = RUNS[arguments[0]] | {name: text for name, text in given.items() if name.isupper()}
    broker = given.pop("broker", "redis")
    options = {name: value(text) for name, text in given.items() if not name.isupper()}
    with running(broker, **settings) as (stack, box):
        run = importlib.import_module(f"tests.services.runs_{arguments[0]}").run
        try:
            figures = {"broker": broker, **run(stack, box, **options)}
            if figures["faults"]:
                print(stack.said(), file=sys.stderr)
        except Exception:
            print(stack.said(), file=sys.stderr)
            raise
    print(json.dumps(figures, indent=2))
    return 1 if figures["faults"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
