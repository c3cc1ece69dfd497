"""`python -m naysayer.follow HISTORY MODEL`: the process beside a live run that judges what has been recorded so far.

It is a process of its own, and a nice one, so that it never slows the loop that drives the clients. It prints one JSON
object when a violation is proved, or when it cannot go on, and ends when its stdin is closed.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import msgspec

from checker.errors import NaysayerError
from checker.following import Following

EVERY_S = 1.5
"""How often it judges."""

NICE = 10


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it prints: when (ms of the run) the operation ended at which no order is left, and its key; or an error."""

    at_ms: float = 0.0
    key: str | None = None
    error: str | None = None


def follow(history: Path, model: str) -> Found | None:
    """The first violation of a file that is being written; None if stdin was closed before there was one."""
    following = Following(model)
    with history.open("rb") as file:
        while True:
            following.feed(file.read())
            found = following.judge()
            if found is not None:
                key = found.operation.key
                return Found(found.operation.ret / 1e6, None if key is None else str(key))
            if select.select([sys.stdin], [], [], EVERY_S)[0]:
                return None


def main() -> None:
    """Follow the file named by the arguments."""
    os.nice(NICE)
    try:
        found = follow(Path(sys.argv[1]), sys.argv[2])
    except (NaysayerError, OSError) as error:
        found = Found(error=str(error))
    if found is not None:
        sys.stdout.write(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
