"""Subtle lies: of 1,000 operations on a cas register of five values, one late read returns another of them.

    python -m tests.benchmarks.lies

With operations of unknown outcome many such lies are legal. Printed per row: how many histories had which outcome, CPU
seconds of the check (median and worst, counterexample and explanation included), and the largest counterexample.
Judges nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random

from msgspec import structs

from checker.budget import Budget
from checker.check import check
from checker.history import PENDING, History, Operation
from tests.checker.test_repeated_values import crowd

OPERATIONS, LATE, SEEDS = 1000, 800, 10
SECONDS_MAX = 60
"""What one history may take, at most: it is unknown then."""
ROWS = ((5, 20), (10, 0), (10, 5), (10, 20), (10, 50), (20, 0), (20, 20))
"""Clients, and how many of their operations have an unknown outcome."""


def lie(clients: int, crashed: int, seed: int) -> History:
    """The history of that seed."""
    rng = Random(f"{clients} {crashed} {seed}")
    ops = crowd("cas-register", clients, OPERATIONS, seed=seed)
    ops = unanswered(ops, crashed, rng)
    at = rng.choice([at for at, op in enumerate(ops) if op.f == "read" and at > LATE])
    ops[at] = structs.replace(ops[at], output=_another(ops[at], rng))
    return History.of(ops)


def unanswered(ops: list[Operation], count: int, rng: Random) -> list[Operation]:
    """The operations, so many of which (no reads) took effect and had no answer."""
    chosen = set(rng.sample([at for at, op in enumerate(ops) if op.f != "read"], count))
    return [
        structs.replace(op, output=None, ret=PENDING, status="info") if at in chosen else op
        for at, op in enumerate(ops)
    ]


def _another(read: Operation, rng: Random) -> int:
    return rng.choice([value for value in range(5) if value != read.output])


def main() -> None:
    check(lie(5, 0, 0), "cas-register")  # imports are no part of it
    print(f"  {'clients':>7} {'crashed':>7}  {'median':>7} {'worst':>7}  operations  outcomes")
    for clients, crashed in ROWS:
        seconds, largest, outcomes = [], 0, Counter[str]()
        for seed in range(SEEDS):
            history = lie(clients, crashed, seed)
            began = time.process_time()
            verdict = check(history, "cas-register", budget=Budget(seconds=SECONDS_MAX))
            seconds.append(time.process_time() - began)
            outcomes[verdict.outcome] += 1
            largest = max(largest, len(verdict.parts[0].counterexample))
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        median, worst = sorted(seconds)[SEEDS // 2], max(seconds)
        print(f"  {clients:7} {crashed:7}  {median:7.3f} {worst:7.3f}  {largest:10}  {counts}", flush=True)


if __name__ == "__main__":
    main()
